#include "media/libav.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <mutex>

#include "base/error.h"
#include "base/log.h"

namespace zoetrope {
namespace {

constexpr int kBufferBytes = 1 << 16;

void log_callback(void*, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_WARNING) return;
  char line[512];
  std::vsnprintf(line, sizeof line, format, arguments);
  size_t length = std::strlen(line);
  while (length > 0 && line[length - 1] == '\n') --length;
  if (length > 0) log_line(LogLevel::debug, "libav: " + std::string(line, length));
}

// Where the second pass of a muxer reads: the moov box is moved to the front of an MP4 after the fact.
struct ReadBack {
  int descriptor;
  int64_t position;
  int64_t end;
};

int64_t seek_to(int64_t& position, int64_t end, int64_t offset, int whence) {
  whence &= ~AVSEEK_FORCE;
  if (whence == AVSEEK_SIZE) return end;
  const int64_t base = whence == SEEK_CUR ? position : whence == SEEK_END ? end : 0;
  if (base + offset < 0) return AVERROR(EINVAL);
  return position = base + offset;
}

}  // namespace

void redirect_libav_log() {
  static std::once_flag once;
  std::call_once(once, [] { av_log_set_callback(log_callback); });
}

const AVCodec* encoder_named(const char* name) {
  redirect_libav_log();
  const AVCodec* codec = avcodec_find_encoder_by_name(name);
  if (!codec)
    throw InputError("this FFmpeg has no encoder '" + std::string(name) + "'", {},
                     "install Debian's libavcodec59 or another build of FFmpeg that has it");
  return codec;
}

const AVCodec* decoder_named(const char* name) {
  redirect_libav_log();
  const AVCodec* codec = avcodec_find_decoder_by_name(name);
  if (!codec)
    throw InputError("this FFmpeg has no decoder '" + std::string(name) + "'", {},
                     "install Debian's libavcodec59 or another build of FFmpeg that has it");
  return codec;
}

LibavOwner<AVFrame> new_frame(AVPixelFormat format, int width, int height) {
  auto frame = own(av_frame_alloc());
  frame->format = format;
  frame->width = width;
  frame->height = height;
  if (av_frame_get_buffer(frame.get(), 64) < 0) throw std::bad_alloc();
  return frame;
}

MuxedFile::MuxedFile(const fs::path& path) : path_(path), temporary_(path) {
  redirect_libav_log();
  descriptor_ = ::open(temporary_.path().c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0)
    throw InputError(std::string("cannot be written: ") + std::strerror(errno), path_.string(),
                     "choose a folder that exists and that you may write to");
  auto* buffer = static_cast<unsigned char*>(av_malloc(kBufferBytes));
  io_ =
      buffer ? avio_alloc_context(buffer, kBufferBytes, 1, this, nullptr, write_bytes, seek_write) : nullptr;
  if (!io_) {
    av_free(buffer);
    ::close(descriptor_);
    throw std::bad_alloc();
  }
}

MuxedFile::~MuxedFile() {
  if (io_) {
    av_freep(&io_->buffer);
    avio_context_free(&io_);
  }
  if (descriptor_ >= 0) ::close(descriptor_);
}

void MuxedFile::attach(AVFormatContext* format) {
  format->pb = io_;
  format->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
  format->opaque = this;
  format->io_open = open_again;
  format->io_close2 = close_again;
  if (!format->url) format->url = av_strdup("the file being written");
}

int MuxedFile::write_bytes(void* self, uint8_t* data, int size) {
  auto* file = static_cast<MuxedFile*>(self);
  if (file->failure_) return AVERROR(file->failure_);
  for (int done = 0; done < size;) {
    const ssize_t n =
        ::pwrite(file->descriptor_, data + done, static_cast<size_t>(size - done), file->position_);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      file->failure_ = n < 0 ? errno : EIO;
      return AVERROR(file->failure_);
    }
    done += static_cast<int>(n);
    file->position_ += n;
  }
  file->end_ = std::max(file->end_, static_cast<uint64_t>(file->position_));
  return size;
}

int64_t MuxedFile::seek_write(void* self, int64_t offset, int whence) {
  auto* file = static_cast<MuxedFile*>(self);
  return seek_to(file->position_, static_cast<int64_t>(file->end_), offset, whence);
}

int MuxedFile::read_bytes(void* reader, uint8_t* data, int size) {
  auto* back = static_cast<ReadBack*>(reader);
  ssize_t n;
  do n = ::pread(back->descriptor, data, static_cast<size_t>(size), back->position);
  while (n < 0 && errno == EINTR);
  if (n < 0) return AVERROR(errno);
  if (n == 0) return AVERROR_EOF;
  back->position += n;
  return static_cast<int>(n);
}

int64_t MuxedFile::seek_read(void* reader, int64_t offset, int whence) {
  auto* back = static_cast<ReadBack*>(reader);
  return seek_to(back->position, back->end, offset, whence);
}

int MuxedFile::open_again(AVFormatContext* format, AVIOContext** io, const char*, int flags, AVDictionary**) {
  auto* file = static_cast<MuxedFile*>(format->opaque);
  if (flags & AVIO_FLAG_WRITE) return AVERROR(EACCES);
  auto* buffer = static_cast<unsigned char*>(av_malloc(kBufferBytes));
  if (!buffer) return AVERROR(ENOMEM);
  auto* back = new ReadBack{file->descriptor_, 0, static_cast<int64_t>(file->end_)};
  *io = avio_alloc_context(buffer, kBufferBytes, 0, back, read_bytes, nullptr, seek_read);
  if (!*io) {
    av_free(buffer);
    delete back;
    return AVERROR(ENOMEM);
  }
  return 0;
}

int MuxedFile::close_again(AVFormatContext*, AVIOContext* io) {
  if (!io) return 0;
  delete static_cast<ReadBack*>(io->opaque);
  av_freep(&io->buffer);
  avio_context_free(&io);
  return 0;
}

void MuxedFile::check() const {
  if (failure_)
    throw InputError(std::string("cannot be written: ") + std::strerror(failure_), path_.string(),
                     "free some disk space or choose another folder");
}

void MuxedFile::require(int result, std::string_view action) const {
  check();
  if (result == AVERROR(ENOMEM)) throw std::bad_alloc();
  if (result < 0) throw InputError("cannot be written: " + std::string(action) + " failed", path_.string());
}

void MuxedFile::append(std::string_view bytes) {
  avio_flush(io_);
  position_ = static_cast<int64_t>(end_);
  std::string copy(bytes);
  write_bytes(this, reinterpret_cast<uint8_t*>(copy.data()), static_cast<int>(copy.size()));
  check();
}

void MuxedFile::add_to(Sha256& sum, uint64_t bytes) const {
  char buffer[kBufferBytes];
  for (uint64_t offset = 0; offset < bytes;) {
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(sizeof buffer, bytes - offset));
    const ssize_t n = ::pread(descriptor_, buffer, wanted, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw InputError("cannot be read back", path_.string());
    sum.add(buffer, static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
}

void MuxedFile::commit() {
  avio_flush(io_);
  check();
  // A file system may tell of a full disk only here.
  const int result = ::close(descriptor_);
  if (result != 0) failure_ = errno;
  descriptor_ = -1;
  check();
  temporary_.commit();
}

}  // namespace zoetrope
