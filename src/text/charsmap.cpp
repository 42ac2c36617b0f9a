#include "text/charsmap.h"

#include <cstring>

#include "base/error.h"

namespace zoetrope {

Charsmap::Charsmap(std::string_view bytes, const std::string& where) {
  if (bytes.size() < 4) throw InputError("the character map is shorter than 4 bytes", where);
  uint32_t length = 0;
  std::memcpy(&length, bytes.data(), 4);
  const size_t count = length / 4;
  if (count == 0 || count > (bytes.size() - 4) / 4)
    throw InputError("the character map's trie of " + std::to_string(length) +
                         " bytes does not fit into its " + std::to_string(bytes.size()) + " bytes",
                     where);
  units_.resize(count);
  std::memcpy(units_.data(), bytes.data() + 4, count * 4);
  replacements_ = bytes.substr(4 + count * 4);
  require_utf8(replacements_, where);
}

std::optional<std::string_view> Charsmap::find(std::string_view text) const {
  auto offset = [](uint32_t unit) { return static_cast<uint64_t>(unit >> 10) << ((unit & 512u) >> 6); };
  uint64_t node = offset(units_[0]);
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte == 0) return std::nullopt;
    node ^= byte;
    if (node >= units_.size()) return std::nullopt;
    const uint32_t unit = units_[node];
    if ((unit & (0x80000000u | 0xFFu)) != byte) return std::nullopt;
    node ^= offset(unit);
    if ((unit >> 8 & 1) == 0) continue;
    if (node >= units_.size()) return std::nullopt;
    const size_t begin = units_[node] & 0x7FFFFFFFu;
    if (begin >= replacements_.size() || (static_cast<uint8_t>(replacements_[begin]) & 0xC0) == 0x80)
      return std::nullopt;  // a value that points nowhere, or into a character
    return std::string_view(replacements_).substr(begin, replacements_.find('\0', begin) - begin);
  }
  return std::nullopt;
}

std::string decode_base64(std::string_view text, const std::string& where) {
  auto wrong = [&]() -> InputError { return InputError("is not base64", where); };
  if (text.size() % 4 != 0) throw wrong();
  std::string out;
  out.reserve(text.size() / 4 * 3);
  auto value = [&](char c) -> uint32_t {
    if (c >= 'A' && c <= 'Z') return static_cast<uint32_t>(c - 'A');
    if (c >= 'a' && c <= 'z') return static_cast<uint32_t>(c - 'a' + 26);
    if (c >= '0' && c <= '9') return static_cast<uint32_t>(c - '0' + 52);
    if (c == '+') return 62;
    if (c == '/') return 63;
    throw wrong();
  };
  for (size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const size_t pad = !last ? 0 : text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
    uint32_t bits = 0;
    for (size_t k = 0; k < 4; ++k) bits = bits << 6 | (k >= 4 - pad ? 0 : value(text[i + k]));
    out += static_cast<char>(bits >> 16);
    if (pad < 2) out += static_cast<char>(bits >> 8 & 0xFF);
    if (pad < 1) out += static_cast<char>(bits & 0xFF);
  }
  return out;
}

}  // namespace zoetrope
