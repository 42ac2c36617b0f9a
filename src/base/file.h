// Files: bounded reads, and writes that are either whole or not there.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace zoetrope {

namespace fs = std::filesystem;

// An open file for positioned reads. It must be a regular file (a link to one is fine): folders, pipes and
// devices are refused. Nothing is memory-mapped: a file that shrinks while it is read is an InputError, not a
// signal.
class InputFile {
 public:
  explicit InputFile(const fs::path& path);  // throws InputError with the reason of the system
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const fs::path& path() const { return path_; }
  uint64_t size() const { return size_; }  // bytes, when it was opened
  // Reads exactly `bytes` at `offset`; throws InputError where the file ends before. Thread-safe.
  void read_at(uint64_t offset, void* destination, size_t bytes) const;

 private:
  fs::path path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

// The whole of a small file. Throws InputError where it is larger than most_bytes.
std::string read_file(const fs::path& path, uint64_t most_bytes);

// Writes a file so that a reader sees the old content or the new one, whole: a temporary beside it, synced,
// renamed, the folder synced. The temporary is removed on failure. Throws InputError (disk full, no
// permission) naming the file.
void write_file_atomically(const fs::path& path, std::string_view content);

// For writers that need a path of their own (a muxer): `path` + ".tmp-<pid>"; commit() syncs and renames it
// onto path, the destructor removes it if commit() was not called.
class TemporaryFile {
 public:
  explicit TemporaryFile(fs::path final_path);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const fs::path& path() const { return temporary_; }
  void commit();

 private:
  fs::path final_;
  fs::path temporary_;
  bool committed_ = false;
};

// The folder with all its parents; throws InputError naming the first that can't be made.
void make_folder(const fs::path& folder);

// SHA-256 as 64 hex digits.
std::string sha256_of(std::string_view bytes);
std::string sha256_of_file(const fs::path& path);

class Sha256 {
 public:
  Sha256();
  void add(const void* data, size_t bytes);
  void add(std::string_view text) { add(text.data(), text.size()); }
  std::string hex();  // ends the sum; call once

 private:
  void block(const uint8_t* data);
  uint32_t state_[8];
  uint8_t buffer_[64];
  uint64_t total_ = 0;
};

}  // namespace zoetrope
