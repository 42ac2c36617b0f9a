#include "text/prompt.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "text/unicode.h"

namespace zoetrope {
namespace {

struct NamedReference {
  const char* name;
  const char* text;
};

#include "text/html_entities.inc"

// Windows-1252 for 0x80 to 0x9F, as HTML reads references to them; 0 stands for itself.
constexpr uint16_t kC1[32] = {0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021,
                              0x2C6,  0x2030, 0x160,  0x2039, 0x152,  0x8D,   0x17D,  0x8F,
                              0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                              0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};

bool is_python_space(uint32_t c) { return is_white_space(c) || (c >= 0x1C && c <= 0x1F); }

// nullptr where there is none of that name.
const char* find_name(std::string_view name) {
  const auto* it =
      std::lower_bound(std::begin(kNamedReferences), std::end(kNamedReferences), name,
                       [](const NamedReference& entry, std::string_view n) { return entry.name < n; });
  return it != std::end(kNamedReferences) && it->name == name ? it->text : nullptr;
}

// What a number stands for; nullopt for nothing at all.
std::optional<uint32_t> numbered(uint32_t number) {
  if (number == 0) return 0xFFFD;
  if (number == 0x0D) return 0x0D;
  if (number >= 0x80 && number <= 0x9F) return kC1[number - 0x80];
  if ((number >= 0xD800 && number <= 0xDFFF) || number > 0x10FFFF) return 0xFFFD;
  const bool control = number <= 8 || number == 0x0B || (number >= 0x0E && number <= 0x1F) || number == 0x7F;
  const bool no_character = (number >= 0xFDD0 && number <= 0xFDEF) || (number & 0xFFFE) == 0xFFFE;
  if (control || no_character) return std::nullopt;
  return number;
}

int digit_of(char c, int base) {
  const int value = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : 99;
  return value < base ? value : -1;
}

// A reference "&#..." at `at`; appends what it stands for and returns the bytes it takes, 0 where it is none.
size_t numeric_reference(std::string_view text, size_t at, std::string& out) {
  size_t i = at + 2;
  int base = 10;
  if (i < text.size() && (text[i] == 'x' || text[i] == 'X')) {
    base = 16;
    ++i;
  }
  const size_t first = i;
  uint32_t number = 0;
  for (; i < text.size() && digit_of(text[i], base) >= 0; ++i)
    number = std::min<uint32_t>(
        0x110000, number * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit_of(text[i], base)));
  if (i == first) return 0;
  if (const auto c = numbered(number)) append_utf8(out, *c);
  if (i < text.size() && text[i] == ';') ++i;
  return i - at;
}

// The name after the '&' at `at`: up to 32 characters and a semicolon.
size_t named_reference(std::string_view text, size_t at, std::string& out) {
  constexpr std::string_view kEnds = "\t\n\f <&#;";
  size_t i = at + 1;
  for (int count = 0; count < 32 && i < text.size() && kEnds.find(text[i]) == kEnds.npos; ++count)
    i += utf8_length(text[i]);
  if (i == at + 1) return 0;
  if (i < text.size() && text[i] == ';') ++i;
  const std::string_view name = text.substr(at + 1, i - at - 1);
  if (const char* found = find_name(name)) {
    out += found;
    return i - at;
  }
  for (size_t length = std::min<size_t>(name.size() - 1, 32); length > 1; --length) {
    if (const char* found = find_name(name.substr(0, length))) {
      out += found;
      out += name.substr(length);
      return i - at;
    }
  }
  out += text.substr(at, i - at);
  return i - at;
}

}  // namespace

std::string unescape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    size_t taken = 0;
    if (text[i] == '&' && i + 1 < text.size())
      taken = text[i + 1] == '#' ? numeric_reference(text, i, out) : named_reference(text, i, out);
    if (taken == 0) {
      out += text[i];
      taken = 1;
    }
    i += taken;
  }
  return out;
}

std::string strip_white_space(std::string_view text) {
  size_t begin = text.size(), end = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t at = i;
    if (is_python_space(next_code_point(text, i))) continue;
    begin = std::min(begin, at);
    end = i;
  }
  return begin < end ? std::string(text.substr(begin, end - begin)) : std::string();
}

std::string clean_prompt(std::string_view text) {
  require_utf8(text, "prompt");
  const std::string plain = unescape_html(unescape_html(text));
  std::string out;
  out.reserve(plain.size());
  bool space = false;
  for (size_t i = 0; i < plain.size();) {
    const size_t at = i;
    if (is_python_space(next_code_point(plain, i))) {
      space = true;
      continue;
    }
    if (space && !out.empty()) out += ' ';
    space = false;
    out.append(plain, at, i - at);
  }
  return out;
}

}  // namespace zoetrope
