// The outer layers of picture files, read by us: type by content, size from the header, and a copy that holds
// nothing but the picture, for the decoder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace zoetrope {

enum class PictureFormat { png, jpeg, webp };

struct PictureStream {
  PictureFormat format;
  int width, height;    // as coded, before the orientation is applied
  int orientation = 1;  // EXIF's 1 to 8
  std::string bytes;    // a minimal file of the format
};

// Throws InputError naming `where`: another type of file, a size above the limits (see picture.h), a kind
// that is not read (CMYK, arithmetic or 12-bit JPEG, animated WebP), a wrong checksum, a missing end.
PictureStream strip_picture(std::string_view file, const std::string& where);

// CRC-32 as PNG (ISO 3309) has it, over two pieces in a row.
uint32_t png_crc(std::string_view first, std::string_view second = {});

}  // namespace zoetrope
