#include "media/picture.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "media/libav.h"
#include "media/picture_container.h"

namespace zoetrope {
namespace {

[[noreturn]] void undecodable(const std::string& where) {
  throw InputError("is damaged: its picture data can't be decoded", where,
                   "save the picture again as PNG, JPEG or WebP");
}

// The decoder's buffers begin with a value of our choice, by which rows that it never wrote can be told.
int filled_buffer(AVCodecContext* context, AVFrame* frame, int flags) {
  const int result = avcodec_default_get_buffer2(context, frame, flags);
  for (int plane = 0; result == 0 && plane < AV_NUM_DATA_POINTERS && frame->buf[plane]; ++plane)
    std::memset(frame->buf[plane]->data, *static_cast<uint8_t*>(context->opaque), frame->buf[plane]->size);
  return result;
}

LibavOwner<AVFrame> decode(const PictureStream& stream, const std::string& where, uint8_t fill) {
  const char* name = stream.format == PictureFormat::png    ? "png"
                     : stream.format == PictureFormat::jpeg ? "mjpeg"
                                                            : "webp";
  const AVCodec* codec = decoder_named(name);
  auto context = own(avcodec_alloc_context3(codec));
  context->thread_count = 1;
  // libav counts the padding of its buffers; the size itself was checked.
  context->max_pixels = (int64_t{stream.width} + 128) * (stream.height + 128);
  context->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
  context->flags |= AV_CODEC_FLAG_BITEXACT;
  if (stream.format == PictureFormat::png) {
    context->opaque = &fill;
    context->get_buffer2 = filled_buffer;
  }
  if (avcodec_open2(context.get(), codec, nullptr) < 0) undecodable(where);
  auto packet = own(av_packet_alloc());
  if (av_new_packet(packet.get(), static_cast<int>(stream.bytes.size())) < 0) throw std::bad_alloc();
  std::memcpy(packet->data, stream.bytes.data(), stream.bytes.size());
  auto frame = own(av_frame_alloc());
  if (avcodec_send_packet(context.get(), packet.get()) < 0) undecodable(where);
  int result = avcodec_receive_frame(context.get(), frame.get());
  if (result == AVERROR(EAGAIN)) {  // some decoders give the frame when the stream has ended
    avcodec_send_packet(context.get(), nullptr);
    result = avcodec_receive_frame(context.get(), frame.get());
  }
  if (result < 0 || frame->width != stream.width || frame->height != stream.height ||
      frame->decode_error_flags != 0)
    undecodable(where);
  return frame;
}

// Whether some row holds nothing but the value.
bool has_row_of(const AVFrame& frame, uint8_t value) {
  const int bytes = av_image_get_linesize(static_cast<AVPixelFormat>(frame.format), frame.width, 0);
  for (int y = 0; y < frame.height; ++y) {
    const uint8_t* row = frame.data[0] + static_cast<ptrdiff_t>(y) * frame.linesize[0];
    if (std::all_of(row, row + bytes, [&](uint8_t v) { return v == value; })) return true;
  }
  return false;
}

// libav's PNG decoder takes compressed data that end early for a whole picture. Rows which are of the initial
// value under two different ones were never written.
LibavOwner<AVFrame> decode_whole(const PictureStream& stream, const std::string& where) {
  constexpr uint8_t kFirst = 0xA5, kSecond = 0x5A;
  auto frame = decode(stream, where, kFirst);
  if (stream.format == PictureFormat::png && has_row_of(*frame, kFirst) &&
      has_row_of(*decode(stream, where, kSecond), kSecond))
    undecodable(where);
  return frame;
}

// Where a packed format keeps red, green and blue within a pixel; stride in bytes. 16-bit samples are
// big-endian, so that the first byte is the upper one.
struct Packed {
  int stride, red, green, blue;
};

bool packed_layout(int format, Packed& layout) {
  switch (format) {
    case AV_PIX_FMT_RGB24:
      layout = {3, 0, 1, 2};
      return true;
    case AV_PIX_FMT_RGBA:
      layout = {4, 0, 1, 2};
      return true;
    case AV_PIX_FMT_ARGB:
      layout = {4, 1, 2, 3};
      return true;
    case AV_PIX_FMT_BGRA:
      layout = {4, 2, 1, 0};
      return true;
    case AV_PIX_FMT_RGB48BE:
      layout = {6, 0, 2, 4};
      return true;
    case AV_PIX_FMT_RGBA64BE:
      layout = {8, 0, 2, 4};
      return true;
    case AV_PIX_FMT_GRAY8:
      layout = {1, 0, 0, 0};
      return true;
    case AV_PIX_FMT_GRAY16BE:
    case AV_PIX_FMT_YA8:
      layout = {2, 0, 0, 0};
      return true;
    case AV_PIX_FMT_YA16BE:
      layout = {4, 0, 0, 0};
      return true;
    default:
      return false;
  }
}

void copy_row(const AVFrame& frame, int y, uint8_t* out) {
  const uint8_t* row = frame.data[0] + static_cast<ptrdiff_t>(y) * frame.linesize[0];
  Packed layout;
  if (packed_layout(frame.format, layout)) {
    for (int x = 0; x < frame.width; ++x, row += layout.stride) {
      *out++ = row[layout.red];
      *out++ = row[layout.green];
      *out++ = row[layout.blue];
    }
  } else if (frame.format == AV_PIX_FMT_MONOBLACK) {
    for (int x = 0; x < frame.width; ++x, out += 3)
      std::fill_n(out, 3, row[x / 8] >> (7 - x % 8) & 1 ? 255 : 0);
  } else if (frame.format == AV_PIX_FMT_PAL8) {
    for (int x = 0; x < frame.width; ++x) {
      uint32_t colour;  // 0xAARRGGBB in the machine's order
      std::memcpy(&colour, frame.data[1] + row[x] * 4, 4);
      *out++ = static_cast<uint8_t>(colour >> 16);
      *out++ = static_cast<uint8_t>(colour >> 8);
      *out++ = static_cast<uint8_t>(colour);
    }
  } else {  // GBRP
    for (int x = 0; x < frame.width; ++x)
      for (int plane : {2, 0, 1})
        *out++ = frame.data[plane][static_cast<ptrdiff_t>(y) * frame.linesize[plane] + x];
  }
}

// One axis of enlarging chroma by two around pixel centres: the nearer sample counts three quarters, the
// other one quarter. `step` is log2 of the factor; where it is not 1 the nearest sample counts alone.
struct Pair {
  int near, far;  // far's weight is 1 of 4, near's the rest; equal at the edges
};
Pair chroma_pair(int position, int step, int size) {
  const int near = position >> step;
  if (step != 1) return {near, near};
  const int far = position % 2 ? near + 1 : near - 1;
  return {near, std::clamp(far, 0, size - 1)};
}

// Luma and chroma to RGB by BT.601, full range in a JPEG, limited in a WebP. Chroma is enlarged as libjpeg
// and libwebp do it ("fancy upsampling"), so that pictures agree with what other programs read.
Picture convert_yuv(const AVFrame& frame, bool full_range, const std::string& where) {
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  const bool known = format && (format->flags & AV_PIX_FMT_FLAG_PLANAR) &&
                     !(format->flags & AV_PIX_FMT_FLAG_RGB) && format->nb_components >= 3 &&
                     format->comp[0].depth == 8;
  if (!known) undecodable(where);
  const int across = format->log2_chroma_w, down = format->log2_chroma_h;
  const int chroma_width = -(-frame.width >> across), chroma_height = -(-frame.height >> down);
  const double luma_gain = full_range ? 1 : 255.0 / 219, chroma_gain = full_range ? 1 : 255.0 / 224;
  const double black = full_range ? 0 : 16;
  Picture out(frame.width, frame.height);
  std::vector<Pair> columns;
  for (int x = 0; x < frame.width; ++x) columns.push_back(chroma_pair(x, across, chroma_width));
  for (int y = 0; y < frame.height; ++y) {
    const Pair rows = chroma_pair(y, down, chroma_height);
    const uint8_t* luma = frame.data[0] + static_cast<ptrdiff_t>(y) * frame.linesize[0];
    const uint8_t* near[3] = {};
    const uint8_t* far[3] = {};
    for (int plane : {1, 2}) {
      near[plane] = frame.data[plane] + static_cast<ptrdiff_t>(rows.near) * frame.linesize[plane];
      far[plane] = frame.data[plane] + static_cast<ptrdiff_t>(rows.far) * frame.linesize[plane];
    }
    uint8_t* to = out.row(y);
    for (int x = 0; x < frame.width; ++x) {
      const Pair& pair = columns[static_cast<size_t>(x)];
      auto chroma = [&](int plane) {
        const int a = 3 * near[plane][pair.near] + far[plane][pair.near];
        const int b = 3 * near[plane][pair.far] + far[plane][pair.far];
        return (((3 * a + b + 8) >> 4) - 128) * chroma_gain;
      };
      const double light = (luma[x] - black) * luma_gain, blue = chroma(1), red = chroma(2);
      for (double value :
           {light + 1.402 * red, light - 0.344136 * blue - 0.714136 * red, light + 1.772 * blue})
        *to++ = static_cast<uint8_t>(std::clamp(value + 0.5, 0.0, 255.0));
    }
  }
  return out;
}

Picture to_rgb(const AVFrame& frame, PictureFormat kind, const std::string& where) {
  Packed layout;
  const bool direct = packed_layout(frame.format, layout) || frame.format == AV_PIX_FMT_MONOBLACK ||
                      frame.format == AV_PIX_FMT_PAL8 || frame.format == AV_PIX_FMT_GBRP;
  if (!direct) return convert_yuv(frame, kind == PictureFormat::jpeg, where);
  Picture out(frame.width, frame.height);
  for (int y = 0; y < frame.height; ++y) copy_row(frame, y, out.row(y));
  return out;
}

// EXIF: the value names where the first row and column of the coded picture are to be shown.
Picture turned(Picture in, int orientation) {
  if (orientation == 1) return in;
  const bool swaps = orientation >= 5;
  Picture out(swaps ? in.height : in.width, swaps ? in.width : in.height);
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      int sx = swaps ? y : x, sy = swaps ? x : y;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
        sx = in.width - 1 - sx;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
        sy = in.height - 1 - sy;
      std::copy_n(in.row(sy) + sx * 3, 3, out.row(y) + x * 3);
    }
  }
  return out;
}

void put_be32(std::string& out, size_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
}

std::string png_chunk(std::string_view type, std::string_view data) {
  std::string out;
  put_be32(out, data.size());
  out += type;
  out += data;
  put_be32(out, png_crc(type, data));
  return out;
}

std::string text_chunk(const std::string& keyword, const std::string& value) {
  auto is_plain = [](char c) { return c >= 0x20 && c < 0x7F; };
  if (keyword.empty() || keyword.size() > 79 || !std::all_of(keyword.begin(), keyword.end(), is_plain))
    throw InternalError("a PNG keyword must be 1 to 79 printable ASCII characters");
  std::string text;
  for (char c : value) text += c == '\0' ? ' ' : c;
  const bool ascii = std::all_of(text.begin(), text.end(), [&](char c) { return is_plain(c) || c == '\n'; });
  if (ascii) return png_chunk("tEXt", keyword + '\0' + text);
  // Keyword, compression flag and method, language tag, translated keyword: all empty but the first.
  return png_chunk("iTXt", keyword + std::string(5, '\0') + text);
}

}  // namespace

Picture decode_picture(std::string_view bytes, const std::string& where) {
  redirect_libav_log();
  const PictureStream stream = strip_picture(bytes, where);
  return turned(to_rgb(*decode_whole(stream, where), stream.format, where), stream.orientation);
}

Picture read_picture(const fs::path& path) {
  return decode_picture(read_file(path, kMostPictureBytes), path.string());
}

std::string encode_png(const Picture& picture, const TextEntries& text) {
  if (picture.width < 1 || picture.height < 1 ||
      picture.rgb.size() != static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height) * 3)
    throw InternalError("encode_png: a picture whose bytes don't match its size");
  const AVCodec* codec = encoder_named("png");
  auto context = own(avcodec_alloc_context3(codec));
  context->width = picture.width;
  context->height = picture.height;
  context->pix_fmt = AV_PIX_FMT_RGB24;
  context->time_base = {1, 1};
  context->thread_count = 1;
  context->flags |= AV_CODEC_FLAG_BITEXACT;
  LibavOptions options;
  options.set("pred", "mixed");
  if (avcodec_open2(context.get(), codec, options.get()) < 0)
    throw InternalError("the PNG encoder does not open");
  auto frame = new_frame(AV_PIX_FMT_RGB24, picture.width, picture.height);
  for (int y = 0; y < picture.height; ++y)
    std::copy_n(picture.row(y), static_cast<size_t>(picture.width) * 3,
                frame->data[0] + y * frame->linesize[0]);
  auto packet = own(av_packet_alloc());
  if (avcodec_send_frame(context.get(), frame.get()) < 0 || avcodec_send_frame(context.get(), nullptr) < 0 ||
      avcodec_receive_packet(context.get(), packet.get()) < 0)
    throw InternalError("the PNG encoder failed");
  const std::string_view encoded(reinterpret_cast<const char*>(packet->data),
                                 static_cast<size_t>(packet->size));
  constexpr size_t kHeaderEnd = 8 + 12 + 13;  // signature and IHDR; text comes right after them
  std::string out(encoded.substr(0, kHeaderEnd));
  for (const auto& [keyword, value] : text) out += text_chunk(keyword, value);
  return out += encoded.substr(kHeaderEnd);
}

void write_png(const fs::path& path, const Picture& picture, const TextEntries& text) {
  write_file_atomically(path, encode_png(picture, text));
}

}  // namespace zoetrope
