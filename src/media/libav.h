// FFmpeg's types with owners, and files as its muxers see them. Included by the .cpp files of this folder
// only: no libav type crosses the folder's border.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"

namespace zoetrope {

struct LibavDelete {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
  void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
  void operator()(AVFormatContext* context) const { avformat_free_context(context); }
  void operator()(SwsContext* context) const { sws_freeContext(context); }
  void operator()(SwrContext* context) const { swr_free(&context); }
};
template <class T>
using LibavOwner = std::unique_ptr<T, LibavDelete>;

// Takes what an allocating function of libav returned; null becomes std::bad_alloc.
template <class T>
LibavOwner<T> own(T* pointer) {
  if (!pointer) throw std::bad_alloc();
  return LibavOwner<T>(pointer);
}

// Options for avcodec_open2 and avformat_write_header.
class LibavOptions {
 public:
  LibavOptions() = default;
  ~LibavOptions() { av_dict_free(&dictionary_); }
  LibavOptions(const LibavOptions&) = delete;
  LibavOptions& operator=(const LibavOptions&) = delete;
  void set(const char* key, const std::string& value) { av_dict_set(&dictionary_, key, value.c_str(), 0); }
  AVDictionary** get() { return &dictionary_; }

 private:
  AVDictionary* dictionary_ = nullptr;
};

// Sends the library's log lines to our debug level, once a process. Every entry point of the folder calls it.
void redirect_libav_log();

// An encoder or decoder by its exact name. A build of FFmpeg without it is an InputError with a remedy.
const AVCodec* encoder_named(const char* name);
const AVCodec* decoder_named(const char* name);

// A frame with buffers of the given format and size.
LibavOwner<AVFrame> new_frame(AVPixelFormat format, int width, int height);

// The file that a muxer writes: a temporary beside the final path, which commit() puts in place. The first
// write that fails is kept, and check() throws it as an InputError that names the final path. Without
// commit() nothing is left behind.
class MuxedFile {
 public:
  explicit MuxedFile(const fs::path& path);
  ~MuxedFile();
  MuxedFile(const MuxedFile&) = delete;
  MuxedFile& operator=(const MuxedFile&) = delete;

  void attach(AVFormatContext* format);  // must outlive the muxer's use of it
  void check() const;
  // Throws where `result`, returned by a libav function, is an error: the system's reason if a write failed.
  void require(int result, std::string_view action) const;
  // After the muxer's trailer: more bytes at the end, and reading back what was written.
  void append(std::string_view bytes);
  uint64_t size() const { return end_; }
  void add_to(Sha256& sum, uint64_t bytes) const;
  void commit();

 private:
  static int write_bytes(void* self, uint8_t* data, int size);
  static int read_bytes(void* reader, uint8_t* data, int size);
  static int64_t seek_write(void* self, int64_t offset, int whence);
  static int64_t seek_read(void* reader, int64_t offset, int whence);
  static int open_again(AVFormatContext* format, AVIOContext** io, const char* url, int flags,
                        AVDictionary** options);
  static int close_again(AVFormatContext* format, AVIOContext* io);

  fs::path path_;
  TemporaryFile temporary_;
  int descriptor_ = -1;
  AVIOContext* io_ = nullptr;
  int64_t position_ = 0;
  uint64_t end_ = 0;
  int failure_ = 0;  // errno of the first write that failed
};

}  // namespace zoetrope
