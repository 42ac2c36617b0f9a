// Pictures: read from hostile files, resized, written as PNG.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"

namespace zoetrope {

// 8-bit sRGB, row-major, no padding: rgb is (height, width, 3).
struct Picture {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;

  Picture() = default;
  Picture(int w, int h) : width(w), height(h), rgb(static_cast<size_t>(w) * static_cast<size_t>(h) * 3) {}
  const uint8_t* row(int y) const { return rgb.data() + static_cast<size_t>(y) * width * 3; }
  uint8_t* row(int y) { return rgb.data() + static_cast<size_t>(y) * width * 3; }
  bool operator==(const Picture&) const = default;
};

constexpr int kMostPictureSide = 16384;
constexpr int64_t kMostPicturePixels = 64'000'000;
constexpr uint64_t kMostPictureBytes = 128u << 20;  // of a file

// PNG, JPEG or WebP, told by content and never by name; anything else is refused, playlists and vector
// formats included. The size is checked in the header before anything is decoded, and the decoder sees only
// the parts of the file that make up the picture: no text, no profiles, no animation. Transparency is
// dropped, as Pillow's convert("RGB") does; a JPEG's EXIF orientation is applied. Damage, also a missing end,
// is an InputError that names the file.
Picture read_picture(const fs::path& path);
Picture decode_picture(std::string_view bytes, const std::string& where);

enum class Filter { box, bilinear, bicubic, lanczos };

// Separable resampling with the filter widened for reduction, in Pillow's fixed-point arithmetic: the same
// bytes as Image.resize gives (which is what diffusers' image processor calls, with lanczos). Throws
// InputError where a side is not in 1..16384.
Picture resize(const Picture& picture, int width, int height, Filter filter = Filter::lanczos);

// How a picture gets another aspect ratio: `cover` keeps its own and crops what is over, evenly on both
// sides; `stretch` does not.
enum class Fit { cover, stretch };
Fit fit_from_name(std::string_view name);  // throws UsageError naming --fit
Picture fit_to(const Picture& picture, int width, int height, Fit fit, Filter filter = Filter::lanczos);

// The same picture and text give the same bytes. Text entries become tEXt chunks, or iTXt where the value is
// not ASCII; keywords are 1 to 79 printable ASCII characters.
using TextEntries = std::vector<std::pair<std::string, std::string>>;
std::string encode_png(const Picture& picture, const TextEntries& text = {});
void write_png(const fs::path& path, const Picture& picture, const TextEntries& text = {});

}  // namespace zoetrope
