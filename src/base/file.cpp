#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace zoetrope {
namespace {

std::string reason() { return std::strerror(errno); }

void sync_path(const fs::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC);
  if (descriptor < 0) throw InputError("cannot be opened for syncing: " + reason(), path.string());
  const int result = ::fsync(descriptor);
  const int saved = errno;
  ::close(descriptor);
  // Some file systems have no fsync for folders; that is no loss of data.
  if (result != 0 && saved != EINVAL && saved != EROFS)
    throw InputError(std::string("cannot be written: ") + std::strerror(saved), path.string(),
                     "free some disk space");
}

void write_all(int descriptor, std::string_view content, const fs::path& path) {
  for (size_t done = 0; done < content.size();) {
    const ssize_t n = ::write(descriptor, content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      throw InputError("cannot be written: " + reason(), path.string(),
                       "free some disk space or choose another folder");
    done += static_cast<size_t>(n);
  }
}

}  // namespace

InputFile::InputFile(const fs::path& path) : path_(path) {
  // O_NONBLOCK: opening a pipe that nobody writes must not hang.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) throw InputError("cannot be opened: " + reason(), path.string());
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(descriptor_);
    descriptor_ = -1;
    throw InputError("is not a regular file", path.string());
  }
  size_ = static_cast<uint64_t>(info.st_size);
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  return *this;
}

void InputFile::read_at(uint64_t offset, void* destination, size_t bytes) const {
  auto* out = static_cast<char*>(destination);
  while (bytes > 0) {
    const ssize_t n = ::pread(descriptor_, out, bytes, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw InputError("cannot be read: " + reason(), path_.string());
    if (n == 0)
      throw InputError("ends at byte " + std::to_string(offset) + ", before the data it declares",
                       path_.string(), "copy or download the file again");
    out += n;
    offset += static_cast<uint64_t>(n);
    bytes -= static_cast<size_t>(n);
  }
}

std::string read_file(const fs::path& path, uint64_t most_bytes) {
  InputFile file(path);
  if (file.size() > most_bytes)
    throw InputError(
        "has " + std::to_string(file.size()) + " bytes; at most " + std::to_string(most_bytes) + " are read",
        path.string());
  std::string content(file.size(), '\0');
  file.read_at(0, content.data(), content.size());
  return content;
}

void write_file_atomically(const fs::path& path, std::string_view content) {
  TemporaryFile temporary(path);
  const int descriptor = ::open(temporary.path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0)
    throw InputError("cannot be written: " + reason(), path.string(),
                     "choose a folder that you may write to");
  try {
    write_all(descriptor, content, path);
  } catch (...) {
    ::close(descriptor);
    throw;
  }
  ::close(descriptor);
  temporary.commit();
}

TemporaryFile::TemporaryFile(fs::path final_path)
    : final_(std::move(final_path)), temporary_(final_.string() + ".tmp-" + std::to_string(::getpid())) {}

TemporaryFile::~TemporaryFile() {
  if (!committed_) ::unlink(temporary_.c_str());
}

void TemporaryFile::commit() {
  sync_path(temporary_, O_RDONLY);
  if (::rename(temporary_.c_str(), final_.c_str()) != 0)
    throw InputError("cannot be written: " + reason(), final_.string());
  committed_ = true;
  const fs::path parent = final_.parent_path();
  sync_path(parent.empty() ? fs::path(".") : parent, O_RDONLY | O_DIRECTORY);
}

void make_folder(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure || !fs::is_directory(folder, failure))
    throw InputError(
        "the folder cannot be made: " + (failure ? failure.message() : std::string("a file is in the way")),
        folder.string(), "choose another folder with --out");
}

}  // namespace zoetrope
