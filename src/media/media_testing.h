// What the tests of this folder share: a folder that goes away, moving pictures, the samples' names.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "media/picture.h"

namespace zoetrope {

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (fs::temp_directory_path() / "zt-media-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("no scratch folder");
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  fs::path operator/(const std::string& name) const { return path_ / name; }
  const fs::path& path() const { return path_; }
  size_t files() const {
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(path_)) count += entry.exists();
    return count;
  }

 private:
  fs::path path_;
};

// No file may grow beyond `bytes` while this lives: what a full disk is to a writer, without being root.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    old_ = ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~SmallDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, old_);
  }

 private:
  rlimit before_{};
  sighandler_t old_ = nullptr;
};

// Frame `index` of a clip in which a bright square crosses a coloured ground with a fixed grain.
inline Picture moving_frame(int width, int height, int index) {
  Picture out(width, height);
  uint32_t noise = 12345;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      noise = noise * 1664525u + 1013904223u;
      const int grain = static_cast<int>(noise >> 28);
      uint8_t* p = out.row(y) + x * 3;
      p[0] = static_cast<uint8_t>(40 + 150 * x / width + grain);
      p[1] = static_cast<uint8_t>(60 + 120 * y / height + grain);
      p[2] = static_cast<uint8_t>(150 + grain);
      const int left = 4 + index * 3;
      if (x >= left && x < left + 16 && y >= height / 3 && y < height / 3 + 16)
        p[0] = 250, p[1] = 220, p[2] = 30;
    }
  }
  return out;
}

inline fs::path sample(const std::string& name) {
  return fs::path(ZT_SOURCE_DIR) / "tests/data/media" / name;
}

inline double mean_difference(const Picture& a, const Picture& b) {
  if (a.width != b.width || a.height != b.height) return 255;
  double sum = 0;
  for (size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(int{a.rgb[i]} - int{b.rgb[i]});
  return sum / static_cast<double>(a.rgb.size());
}

// The message of the InputError that `action` throws; a failure where it throws none or another.
template <class Action>
std::string input_error(Action action) {
  try {
    action();
  } catch (const InputError& error) {
    const std::string text = error.what();
    EXPECT_EQ(text.find("0x"), std::string::npos) << text;
    EXPECT_LT(text.size(), 4000u);
    return text;
  } catch (const std::exception& other) {
    ADD_FAILURE() << "another exception: " << other.what();
    return {};
  }
  ADD_FAILURE() << "no error";
  return {};
}

}  // namespace zoetrope
