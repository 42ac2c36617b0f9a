// Sources: PNG (ISO/IEC 15948) sections 5 and 11; JPEG (ITU-T T.81) annex B; Exif 2.3 section 4.6; WebP
// (RFC 9649) sections 2 and 3; VP8 (RFC 6386) section 9.1.
#include "media/picture_container.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "media/picture.h"

namespace zoetrope {
namespace {

constexpr std::string_view kPngSignature("\x89PNG\r\n\x1a\n", 8);
// A progressive JPEG has about ten scans; each costs a pass over the picture.
constexpr int kMostJpegScans = 100;

// Big- and little-endian integers out of a piece of a file whose length was checked.
uint32_t byte_at(std::string_view s, size_t i) { return static_cast<uint8_t>(s[i]); }
uint32_t be16(std::string_view s, size_t i) { return byte_at(s, i) << 8 | byte_at(s, i + 1); }
uint32_t be32(std::string_view s, size_t i) { return be16(s, i) << 16 | be16(s, i + 2); }
uint32_t le16(std::string_view s, size_t i) { return byte_at(s, i) | byte_at(s, i + 1) << 8; }
uint32_t le32(std::string_view s, size_t i) { return le16(s, i) | le16(s, i + 2) << 16; }

[[noreturn]] void damaged(const std::string& where, const std::string& what) {
  throw InputError(what, where, "save the picture again as PNG, JPEG or WebP");
}

void check_size(int64_t width, int64_t height, const std::string& where) {
  if (width < 1 || height < 1) damaged(where, "declares a picture without pixels");
  if (width > kMostPictureSide || height > kMostPictureSide || width * height > kMostPicturePixels)
    throw InputError("declares " + std::to_string(width) + " x " + std::to_string(height) + " pixels", where,
                     "at most " + std::to_string(kMostPictureSide) + " a side and " +
                         std::to_string(kMostPicturePixels / 1'000'000) +
                         " million in all are read; make it smaller");
}

// ---- PNG

PictureStream strip_png(std::string_view file, const std::string& where) {
  PictureStream out{PictureFormat::png, 0, 0, 1, std::string(kPngSignature)};
  bool has_data = false;
  for (size_t at = kPngSignature.size();;) {
    if (file.size() - at < 12) damaged(where, "ends before its last PNG chunk");
    const uint32_t length = be32(file, at);
    if (length > file.size() - at - 12) damaged(where, "ends within a PNG chunk");
    const std::string_view type = file.substr(at + 4, 4);
    const std::string_view chunk = file.substr(at, 12 + size_t{length});
    const std::string_view data = chunk.substr(8, length);
    if (out.width == 0 && type != "IHDR") damaged(where, "is a PNG that does not begin with its header");
    const bool kept = type == "IHDR" || type == "PLTE" || type == "IDAT" || type == "IEND";
    if (kept && png_crc(chunk.substr(4, 4 + size_t{length})) != be32(chunk, 8 + size_t{length}))
      damaged(where, "has a PNG chunk with a wrong checksum");
    if (type == "IHDR") {
      if (out.width != 0 || length != 13) damaged(where, "has a malformed PNG header");
      check_size(be32(data, 0), be32(data, 4), where);
      out.width = static_cast<int>(be32(data, 0));
      out.height = static_cast<int>(be32(data, 4));
    } else if (!kept && (byte_at(type, 0) & 0x20) == 0) {
      damaged(where, "has a PNG chunk that must be understood, but is not known");
    }
    has_data = has_data || type == "IDAT";
    if (kept) out.bytes += chunk;
    if (type == "IEND") break;
    at += chunk.size();
  }
  if (!has_data) damaged(where, "is a PNG without picture data");
  return out;
}

// ---- JPEG

// EXIF's orientation out of an APP1 segment; 1 where there is none or it makes no sense.
int exif_orientation(std::string_view segment) {
  constexpr std::string_view kHeader("Exif\0\0", 6);
  if (!segment.starts_with(kHeader)) return 1;
  const std::string_view tiff = segment.substr(kHeader.size());
  if (tiff.size() < 8) return 1;
  const bool little = tiff.starts_with("II");
  auto u16 = [&](size_t i) { return little ? le16(tiff, i) : be16(tiff, i); };
  const size_t directory = little ? le32(tiff, 4) : be32(tiff, 4);
  if (directory > tiff.size() || tiff.size() - directory < 2) return 1;
  const size_t entries = u16(directory);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + i * 12;
    if (entry + 12 > tiff.size()) return 1;
    if (u16(entry) != 0x0112) continue;
    const uint32_t value = u16(entry + 8);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

void read_jpeg_frame(std::string_view data, uint32_t marker, PictureStream& out, const std::string& where) {
  if (out.width != 0) damaged(where, "is a JPEG with two frame headers");
  if (marker > 0xC2)
    damaged(where, "is an arithmetic-coded, lossless or hierarchical JPEG, which is not read");
  if (data.size() < 6) damaged(where, "has a malformed JPEG frame header");
  if (byte_at(data, 0) != 8) damaged(where, "is a JPEG with other than 8 bits a sample, which is not read");
  const uint32_t components = byte_at(data, 5);
  if (components == 4) damaged(where, "is a CMYK JPEG, which is not read");
  if ((components != 1 && components != 3) || data.size() != 6 + components * 3)
    damaged(where, "has a malformed JPEG frame header");
  check_size(be16(data, 3), be16(data, 1), where);
  out.width = static_cast<int>(be16(data, 3));
  out.height = static_cast<int>(be16(data, 1));
}

// The end of the entropy-coded data that begins at `at`: the next marker that is no restart.
size_t skip_scan(std::string_view file, size_t at, const std::string& where) {
  for (;; ++at) {
    at = file.find('\xFF', at);
    if (at == std::string_view::npos || at + 1 >= file.size())
      damaged(where, "is a JPEG that ends within its picture data");
    const uint32_t next = byte_at(file, at + 1);
    if (next != 0x00 && next != 0xFF && (next < 0xD0 || next > 0xD7)) return at;
  }
}

PictureStream strip_jpeg(std::string_view file, const std::string& where) {
  PictureStream out{PictureFormat::jpeg, 0, 0, 1, std::string("\xFF\xD8", 2)};
  int scans = 0;
  for (size_t at = 2;;) {
    if (at + 2 > file.size()) damaged(where, "is a JPEG that ends before its end marker");
    if (byte_at(file, at) != 0xFF) damaged(where, "has data between two JPEG segments");
    const uint32_t marker = byte_at(file, at + 1);
    if (marker == 0xFF) {  // fill byte
      ++at;
      continue;
    }
    if (marker == 0xD9) break;
    if (marker < 0xC0 || (marker >= 0xD0 && marker <= 0xD8)) damaged(where, "has a JPEG marker out of place");
    if (at + 4 > file.size() || be16(file, at + 2) < 2 || be16(file, at + 2) > file.size() - at - 2)
      damaged(where, "is a JPEG that ends within a segment");
    const std::string_view segment = file.substr(at, 2 + size_t{be16(file, at + 2)});
    const std::string_view data = segment.substr(4);
    at += segment.size();
    if (marker == 0xCC) damaged(where, "is an arithmetic-coded JPEG, which is not read");
    if (marker == 0xDC || marker == 0xDE || marker == 0xDF)
      damaged(where, "is a kind of JPEG that is not read");
    if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8)
      read_jpeg_frame(data, marker, out, where);
    if (marker == 0xE1 && out.orientation == 1) out.orientation = exif_orientation(data);
    // Application data and comments stay behind, except Adobe's word on the colour transform.
    const bool adobe = marker == 0xEE && data.starts_with("Adobe");
    if (marker < 0xE0 || adobe) out.bytes += segment;
    if (marker != 0xDA) continue;
    if (out.width == 0) damaged(where, "is a JPEG with picture data before its frame header");
    if (++scans > kMostJpegScans) damaged(where, "is a JPEG with more than 100 scans");
    const size_t end = skip_scan(file, at, where);
    out.bytes += file.substr(at, end - at);
    at = end;
  }
  if (scans == 0) damaged(where, "is a JPEG without picture data");
  out.bytes += std::string_view("\xFF\xD9", 2);
  return out;
}

// ---- WebP

PictureStream strip_webp(std::string_view file, const std::string& where) {
  if (le32(file, 4) > file.size() - 8) damaged(where, "is a WebP that ends before its end");
  std::optional<PictureStream> out;
  for (size_t at = 12; at + 8 <= file.size();) {
    const std::string_view type = file.substr(at, 4);
    const size_t length = le32(file, at + 4);
    if (length > file.size() - at - 8) damaged(where, "is a WebP that ends within a chunk");
    const std::string_view data = file.substr(at + 8, length);
    if (type == "ANIM" || type == "ANMF" || (type == "VP8X" && length >= 1 && (byte_at(data, 0) & 0x02)))
      damaged(where, "is an animated WebP, which is not read");
    if (type == "VP8 " || type == "VP8L") {
      const bool lossless = type == "VP8L";
      if (length < 10 || (lossless ? data[0] != '\x2F' : data.substr(3, 3) != "\x9D\x01\x2A"))
        damaged(where, "is a WebP with a malformed picture header");
      PictureStream stream{PictureFormat::webp, 0, 0, 1, {}};
      const uint32_t bits = lossless ? le32(data, 1) : 0;
      stream.width = static_cast<int>(lossless ? (bits & 0x3FFF) + 1 : le16(data, 6) & 0x3FFF);
      stream.height = static_cast<int>(lossless ? ((bits >> 14) & 0x3FFF) + 1 : le16(data, 8) & 0x3FFF);
      check_size(stream.width, stream.height, where);
      const size_t padded = length + (length & 1);
      auto put32 = [&](size_t v) {
        for (int i = 0; i < 4; ++i) stream.bytes += static_cast<char>(v >> (8 * i) & 0xFF);
      };
      stream.bytes = "RIFF";
      put32(12 + padded);
      stream.bytes += "WEBP";
      stream.bytes += type;
      put32(length);
      stream.bytes += data;
      stream.bytes.append(padded - length, '\0');
      out = std::move(stream);
      break;
    }
    at += 8 + length + (length & 1);
  }
  if (!out) damaged(where, "is a WebP without a picture");
  return std::move(*out);
}

// What a refused file looks like, in words for the error.
std::string describe(std::string_view file) {
  if (file.empty()) return "is empty";
  const std::string_view head = file.substr(0, 1024);
  auto starts = [&](std::string_view magic) { return head.starts_with(magic); };
  auto contains = [&](std::string_view text) { return head.find(text) != std::string_view::npos; };
  std::string kind;
  if (starts("GIF8")) kind = "a GIF";
  if (starts(std::string_view("II*\0", 4)) || starts(std::string_view("MM\0*", 4))) kind = "a TIFF";
  if (starts(std::string_view("\0\0\0\x0CjP  ", 8)) || starts("\xFF\x4F\xFF\x51")) kind = "a JPEG 2000 file";
  if (starts("%PDF")) kind = "a PDF";
  if (starts("#EXTM3U")) kind = "a playlist";
  if (starts("BM")) kind = "a BMP";
  if (head.size() > 12 && head.substr(4, 4) == "ftyp") kind = "a video, HEIC or AVIF file";
  if (contains("<svg"))
    kind = "an SVG";
  else if (contains("<html") || contains("<!DOCTYPE") || contains("<script"))
    kind = "an HTML page";
  return kind.empty() ? "is not a picture that is known" : "is " + kind;
}

}  // namespace

uint32_t png_crc(std::string_view first, std::string_view second) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> entries{};
    for (uint32_t i = 0; i < 256; ++i) {
      entries[i] = i;
      for (int k = 0; k < 8; ++k) entries[i] = entries[i] >> 1 ^ (entries[i] & 1 ? 0xEDB88320u : 0);
    }
    return entries;
  }();
  uint32_t crc = ~0u;
  for (std::string_view part : {first, second})
    for (char c : part) crc = table[(crc ^ static_cast<uint8_t>(c)) & 0xFF] ^ crc >> 8;
  return ~crc;
}

PictureStream strip_picture(std::string_view file, const std::string& where) {
  if (file.starts_with(kPngSignature)) return strip_png(file, where);
  if (file.starts_with("\xFF\xD8\xFF")) return strip_jpeg(file, where);
  if (file.size() >= 12 && file.starts_with("RIFF") && file.substr(8, 4) == "WEBP")
    return strip_webp(file, where);
  throw InputError(describe(file), where, "give a PNG, JPEG or WebP picture");
}

}  // namespace zoetrope
