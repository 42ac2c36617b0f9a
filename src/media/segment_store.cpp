#include "media/segment_store.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "media/libav.h"

namespace zoetrope {
namespace {

// The end of the file is one EBML Void element (id EC, eight bytes of length): a mark, five little-endian
// integers, and the SHA-256 of every byte before the sum itself, in hexadecimal.
constexpr std::string_view kMark = "ZTSEGM01";
constexpr size_t kPayload = 8 + 5 * 4 + 64;
constexpr size_t kFooter = 9 + kPayload;

struct Facts {
  uint32_t width, height, frames, rate_numerator, rate_denominator;
};

std::string footer_head(const Facts& facts) {
  std::string out("\xEC\x01\0\0\0\0\0\0", 8);
  out += static_cast<char>(kPayload);
  out += kMark;
  for (uint32_t value :
       {facts.width, facts.height, facts.frames, facts.rate_numerator, facts.rate_denominator})
    for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> shift & 0xFF);
  return out;
}

[[noreturn]] void damaged(const fs::path& path, const std::string& what) {
  throw InputError(what, path.string(), "delete the file; it is made again");
}

}  // namespace

struct SegmentWriter::State {
  explicit State(const fs::path& path) : file(path) {}
  void encode(AVFrame* frame);
  MuxedFile file;
  Facts facts{};
  LibavOwner<AVFormatContext> format;
  LibavOwner<AVCodecContext> codec;
  AVStream* stream = nullptr;
  LibavOwner<AVPacket> packet = own(av_packet_alloc());
};

void SegmentWriter::State::encode(AVFrame* frame) {
  file.require(avcodec_send_frame(codec.get(), frame), "encoding a frame");
  for (;;) {
    const int result = avcodec_receive_packet(codec.get(), packet.get());
    if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) return;
    file.require(result, "encoding a frame");
    packet->stream_index = stream->index;
    av_packet_rescale_ts(packet.get(), codec->time_base, stream->time_base);
    const int written = av_write_frame(format.get(), packet.get());
    av_packet_unref(packet.get());
    file.require(written, "writing a frame");
  }
}

SegmentWriter::SegmentWriter(const fs::path& path, int width, int height, FrameRate frame_rate) {
  if (width < 1 || height < 1 || width > kMostPictureSide || height > kMostPictureSide ||
      frame_rate.numerator < 1 || frame_rate.denominator < 1)
    throw InternalError("SegmentWriter: size or frame rate out of range");
  state_ = std::make_unique<State>(path);
  State& s = *state_;
  s.facts = {static_cast<uint32_t>(width), static_cast<uint32_t>(height), 0,
             static_cast<uint32_t>(frame_rate.numerator), static_cast<uint32_t>(frame_rate.denominator)};
  AVFormatContext* format = nullptr;
  s.file.require(avformat_alloc_output_context2(&format, nullptr, "matroska", nullptr), "opening the muxer");
  s.format = own(format);
  s.file.attach(format);
  const AVCodec* codec = encoder_named("ffv1");
  s.codec = own(avcodec_alloc_context3(codec));
  s.codec->width = width;
  s.codec->height = height;
  s.codec->pix_fmt = AV_PIX_FMT_0RGB32;
  s.codec->framerate = {frame_rate.numerator, frame_rate.denominator};
  s.codec->time_base = av_inv_q(s.codec->framerate);
  s.codec->gop_size = 1;
  s.codec->level = 3;
  s.codec->thread_count = 1;
  s.codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
  LibavOptions options;
  options.set("coder", "range_def");
  options.set("slicecrc", "1");
  s.file.require(avcodec_open2(s.codec.get(), codec, options.get()), "opening the FFV1 encoder");
  s.stream = avformat_new_stream(format, nullptr);
  if (!s.stream) throw std::bad_alloc();
  s.file.require(avcodec_parameters_from_context(s.stream->codecpar, s.codec.get()), "describing the video");
  s.stream->time_base = s.codec->time_base;
  s.stream->avg_frame_rate = s.codec->framerate;
  s.file.require(avformat_write_header(format, nullptr), "writing the header");
}

SegmentWriter::~SegmentWriter() = default;

void SegmentWriter::add_frame(const Picture& frame) {
  State& s = *state_;
  if (frame.width != s.codec->width || frame.height != s.codec->height)
    throw InternalError("SegmentWriter: a frame of another size");
  auto packed = new_frame(AV_PIX_FMT_0RGB32, frame.width, frame.height);
  for (int y = 0; y < frame.height; ++y) {
    const uint8_t* in = frame.row(y);
    uint8_t* out = packed->data[0] + static_cast<ptrdiff_t>(y) * packed->linesize[0];
    for (int x = 0; x < frame.width; ++x, in += 3, out += 4) {
      const uint32_t pixel = uint32_t{in[0]} << 16 | uint32_t{in[1]} << 8 | in[2];
      std::memcpy(out, &pixel, 4);
    }
  }
  packed->pts = s.facts.frames++;
  s.encode(packed.get());
}

void SegmentWriter::finish() {
  State& s = *state_;
  if (s.facts.frames == 0) throw InternalError("SegmentWriter: nothing to finish");
  s.encode(nullptr);
  s.file.require(av_write_trailer(s.format.get()), "writing the index");
  s.file.append(footer_head(s.facts));
  Sha256 sum;
  s.file.add_to(sum, s.file.size());
  s.file.append(sum.hex());
  s.file.commit();
}

struct SegmentReader::State {
  explicit State(const fs::path& path) : file(path) {}
  ~State() {
    if (format) avformat_close_input(&format);
    if (io) {
      av_freep(&io->buffer);
      avio_context_free(&io);
    }
  }
  void check_whole();
  void open();
  static int read_bytes(void* self, uint8_t* data, int size);
  static int64_t seek(void* self, int64_t offset, int whence);

  InputFile file;
  Facts facts{};
  int64_t position = 0, end = 0;
  AVIOContext* io = nullptr;
  AVFormatContext* format = nullptr;
  LibavOwner<AVCodecContext> codec;
  LibavOwner<AVPacket> packet = own(av_packet_alloc());
  LibavOwner<AVFrame> frame = own(av_frame_alloc());
  int64_t given = 0;
  bool drained = false;
};

void SegmentReader::State::check_whole() {
  if (file.size() < kFooter) damaged(file.path(), "is truncated or not a segment");
  std::array<char, kFooter> footer;
  file.read_at(file.size() - kFooter, footer.data(), kFooter);
  const std::string_view bytes(footer.data(), kFooter);
  if (bytes.substr(9, kMark.size()) != kMark) damaged(file.path(), "is truncated or not a segment");
  Sha256 sum;
  std::vector<char> buffer(1 << 16);
  for (uint64_t at = 0, summed = file.size() - 64; at < summed;) {
    const size_t n = static_cast<size_t>(std::min<uint64_t>(buffer.size(), summed - at));
    file.read_at(at, buffer.data(), n);
    sum.add(buffer.data(), n);
    at += n;
  }
  if (sum.hex() != bytes.substr(kFooter - 64)) damaged(file.path(), "is damaged: its checksum differs");
  uint32_t values[5];
  for (size_t i = 0; i < 5; ++i) {
    values[i] = 0;
    for (size_t k = 0; k < 4; ++k)
      values[i] |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[9 + kMark.size() + 4 * i + k]))
                   << (8 * k);
  }
  facts = {values[0], values[1], values[2], values[3], values[4]};
  const bool sane = facts.width >= 1 && facts.width <= kMostPictureSide && facts.height >= 1 &&
                    facts.height <= kMostPictureSide && facts.frames >= 1 && facts.rate_numerator >= 1 &&
                    facts.rate_numerator <= 1'000'000'000 && facts.rate_denominator >= 1 &&
                    facts.rate_denominator <= 1'000'000'000;
  if (!sane) damaged(file.path(), "declares a size or rate out of range");
  end = static_cast<int64_t>(file.size() - kFooter);
}

int SegmentReader::State::read_bytes(void* self, uint8_t* data, int size) {
  auto* state = static_cast<State*>(self);
  const int64_t left = state->end - state->position;
  if (left <= 0) return AVERROR_EOF;
  const auto count = static_cast<size_t>(std::min<int64_t>(left, size));
  try {
    state->file.read_at(static_cast<uint64_t>(state->position), data, count);
  } catch (const Error&) {
    return AVERROR(EIO);
  }
  state->position += static_cast<int64_t>(count);
  return static_cast<int>(count);
}

int64_t SegmentReader::State::seek(void* self, int64_t offset, int whence) {
  auto* state = static_cast<State*>(self);
  whence &= ~AVSEEK_FORCE;
  if (whence == AVSEEK_SIZE) return state->end;
  const int64_t base = whence == SEEK_CUR ? state->position : whence == SEEK_END ? state->end : 0;
  if (base + offset < 0) return AVERROR(EINVAL);
  return state->position = base + offset;
}

void SegmentReader::State::open() {
  redirect_libav_log();
  constexpr int kBufferBytes = 1 << 16;
  auto* buffer = static_cast<unsigned char*>(av_malloc(kBufferBytes));
  io = buffer ? avio_alloc_context(buffer, kBufferBytes, 0, this, read_bytes, nullptr, seek) : nullptr;
  format = avformat_alloc_context();
  if (!io || !format) throw std::bad_alloc();
  format->pb = io;
  format->flags |= AVFMT_FLAG_CUSTOM_IO;
  // The demuxer is named, never probed for. On failure avformat_open_input frees the context.
  if (avformat_open_input(&format, "", av_find_input_format("matroska"), nullptr) < 0 ||
      format->nb_streams != 1)
    damaged(file.path(), "is not a segment: its Matroska header can't be read");
  const AVCodecParameters* parameters = format->streams[0]->codecpar;
  if (parameters->codec_id != AV_CODEC_ID_FFV1 || parameters->width != static_cast<int>(facts.width) ||
      parameters->height != static_cast<int>(facts.height))
    damaged(file.path(), "is not a segment: it holds another kind of video than it declares");
  const AVCodec* decoder = decoder_named("ffv1");
  codec = own(avcodec_alloc_context3(decoder));
  codec->thread_count = 1;
  codec->max_pixels = (int64_t{facts.width} + 128) * (int64_t{facts.height} + 128);  // with libav's padding
  codec->err_recognition = AV_EF_CRCCHECK | AV_EF_EXPLODE;
  if (avcodec_parameters_to_context(codec.get(), parameters) < 0 ||
      avcodec_open2(codec.get(), decoder, nullptr) < 0)
    damaged(file.path(), "is not a segment: its video can't be decoded");
}

SegmentReader::SegmentReader(const fs::path& path) : state_(std::make_unique<State>(path)) {
  state_->check_whole();
  state_->open();
}
SegmentReader::~SegmentReader() = default;

int SegmentReader::width() const { return static_cast<int>(state_->facts.width); }
int SegmentReader::height() const { return static_cast<int>(state_->facts.height); }
int64_t SegmentReader::frames() const { return state_->facts.frames; }
FrameRate SegmentReader::frame_rate() const {
  return {static_cast<int>(state_->facts.rate_numerator), static_cast<int>(state_->facts.rate_denominator)};
}

bool SegmentReader::next(Picture& out) {
  State& s = *state_;
  if (s.given == frames()) return false;
  for (;;) {
    const int result = avcodec_receive_frame(s.codec.get(), s.frame.get());
    if (result == 0) break;
    if (result != AVERROR(EAGAIN) || s.drained) damaged(s.file.path(), "ends before its last frame");
    if (av_read_frame(s.format, s.packet.get()) < 0) {
      s.drained = true;
      avcodec_send_packet(s.codec.get(), nullptr);
      continue;
    }
    const int sent = avcodec_send_packet(s.codec.get(), s.packet.get());
    av_packet_unref(s.packet.get());
    if (sent < 0) damaged(s.file.path(), "has a frame that can't be decoded");
  }
  if (s.frame->format != AV_PIX_FMT_0RGB32 || s.frame->width != width() || s.frame->height != height())
    damaged(s.file.path(), "has a frame of another kind than it declares");
  if (out.width != width() || out.height != height()) out = Picture(width(), height());
  for (int y = 0; y < out.height; ++y) {
    const uint8_t* in = s.frame->data[0] + static_cast<ptrdiff_t>(y) * s.frame->linesize[0];
    uint8_t* to = out.row(y);
    for (int x = 0; x < out.width; ++x, in += 4) {
      uint32_t pixel;
      std::memcpy(&pixel, in, 4);
      *to++ = static_cast<uint8_t>(pixel >> 16);
      *to++ = static_cast<uint8_t>(pixel >> 8);
      *to++ = static_cast<uint8_t>(pixel);
    }
  }
  ++s.given;
  return true;
}

}  // namespace zoetrope
