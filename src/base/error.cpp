#include "base/error.h"

#include <cstdint>
#include <cstdio>

namespace zoetrope {
namespace {

// Decodes one UTF-8 code point at `i`; returns its length, or 0 where the bytes are not valid UTF-8.
size_t decode_utf8(std::string_view text, size_t i, uint32_t& code_point) {
  auto byte = [&](size_t k) { return static_cast<uint8_t>(text[k]); };
  const uint8_t first = byte(i);
  if (first < 0x80) {
    code_point = first;
    return 1;
  }
  const size_t length = first >= 0xF0 && first < 0xF5 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (length == 0 || first >= 0xF5 || i + length > text.size()) return 0;
  code_point = first & (0x7F >> length);
  for (size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xC0) != 0x80) return 0;
    code_point = (code_point << 6) | (byte(i + k) & 0x3F);
  }
  const bool overlong = (length == 3 && code_point < 0x800) || (length == 4 && code_point < 0x10000);
  const bool surrogate = code_point >= 0xD800 && code_point < 0xE000;
  return overlong || surrogate || code_point > 0x10FFFF ? 0 : length;
}

bool is_unprintable(uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

std::string compose(std::string_view what, std::string_view where, std::string_view remedy) {
  std::string message;
  if (!where.empty()) message += printable(where) + ": ";
  message += printable(what);
  if (!remedy.empty()) message += " (" + printable(remedy) + ")";
  return message;
}

}  // namespace

std::string printable(std::string_view text, size_t max_bytes) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (out.size() >= max_bytes) return out + "…";
    uint32_t code_point = 0;
    const size_t length = decode_utf8(text, i, code_point);
    char buffer[16];
    if (length == 0) {
      std::snprintf(buffer, sizeof buffer, "\\x%02X", static_cast<uint8_t>(text[i]));
      out += buffer;
      i += 1;
    } else if (is_unprintable(code_point)) {
      std::snprintf(buffer, sizeof buffer, code_point < 0x100 ? "\\x%02X" : "\\u{%X}", code_point);
      out += buffer;
      i += length;
    } else {
      out += text.substr(i, length);
      i += length;
    }
  }
  return out;
}

std::string join_first(const StringListView& list, size_t most) {
  std::string out;
  for (size_t i = 0; i < list.size() && i < most; ++i) out += (i ? ", " : "") + printable(list[i], 40);
  if (list.size() > most) out += " and " + std::to_string(list.size() - most) + " more";
  return out;
}

Error::Error(ErrorKind kind, std::string_view what, std::string_view where, std::string_view remedy)
    : std::runtime_error(compose(what, where, remedy)), kind_(kind) {}

}  // namespace zoetrope
