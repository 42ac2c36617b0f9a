#include "media/plain_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace zoetrope {
namespace {

struct Range {
  char32_t first, last;
};

// After Unicode's EastAsianWidth.txt (W and F), in large blocks.
constexpr Range kWide[] = {{0x1100, 0x115F},  {0x2E80, 0x303E},   {0x3041, 0xA4CF},   {0xA960, 0xA97F},
                           {0xAC00, 0xD7A3},  {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF01, 0xFF60},
                           {0xFFE0, 0xFFE6},  {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1FAFF},
                           {0x20000, 0x3FFFD}};
// Combining marks of the larger scripts, joiners, direction marks, variation selectors.
constexpr Range kZero[] = {{0x0300, 0x036F}, {0x0483, 0x0489},  {0x0591, 0x05BD}, {0x0610, 0x061A},
                           {0x064B, 0x065F}, {0x06D6, 0x06DC},  {0x0900, 0x0902}, {0x093C, 0x093C},
                           {0x0941, 0x0948}, {0x0E31, 0x0E31},  {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E},
                           {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},  {0x200B, 0x200F}, {0x202A, 0x202E},
                           {0x2060, 0x206F}, {0x20D0, 0x20FF},  {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F},
                           {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF}};

template <size_t n>
bool is_in(const Range (&ranges)[n], char32_t c) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [&](Range r) { return c >= r.first && c <= r.last; });
}

bool is_space(char32_t c) {
  return c <= 0x20 || (c >= 0x7F && c <= 0xA0) || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_end_mark(char32_t c) { return c == '.' || c == '!' || c == '?' || c == 0x2026; }
bool is_wide_end_mark(char32_t c) { return c == 0x3002 || c == 0xFF01 || c == 0xFF1F; }
bool is_closing(char32_t c) {
  return c == '"' || c == '\'' || c == ')' || c == ']' || c == 0x2019 || c == 0x201D || c == 0xBB ||
         c == 0x300D || c == 0x300F;
}
bool is_lower(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 0xDF && c <= 0xFF && c != 0xF7) || (c >= 0x3B1 && c <= 0x3C9) ||
         (c >= 0x430 && c <= 0x45F);
}

// Whether the word before a full stop usually goes on: "Dr.", "J.".
bool is_abbreviation(std::string_view before) {
  const size_t space = before.find_last_of(" (\"'");
  const std::string_view word = space == std::string_view::npos ? before : before.substr(space + 1);
  if (word.size() == 1 && word[0] >= 'A' && word[0] <= 'Z' && word[0] != 'I') return true;
  constexpr std::array<std::string_view, 14> kKnown = {"Mr", "Mrs", "Ms", "Dr",  "Prof", "St", "Jr",
                                                       "Sr", "vs",  "No", "e.g", "i.e",  "Mt", "Capt"};
  return std::find(kKnown.begin(), kKnown.end(), word) != kKnown.end();
}

}  // namespace

char32_t next_character(std::string_view text, size_t& at) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(at);
  const size_t length = first < 0x80                    ? 1
                        : first >= 0xC2 && first < 0xE0 ? 2
                        : first >= 0xE0 && first < 0xF0 ? 3
                        : first >= 0xF0 && first < 0xF5 ? 4
                                                        : 0;
  char32_t c = length == 1 ? first : first & (0x7Fu >> length);
  bool valid = length > 0 && at + length <= text.size();
  for (size_t k = 1; valid && k < length; ++k) {
    valid = (byte(at + k) & 0xC0) == 0x80;
    c = c << 6 | (byte(at + k) & 0x3Fu);
  }
  if (valid && ((length == 3 && c < 0x800) || (length == 4 && c < 0x10000))) valid = false;
  if (valid && (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))) valid = false;
  at += valid ? length : 1;
  return valid ? c : 0xFFFD;
}

int columns_of(char32_t c) { return is_in(kZero, c) ? 0 : is_in(kWide, c) ? 2 : 1; }

int columns_of(std::string_view text) {
  int columns = 0;
  for (size_t at = 0; at < text.size();) columns += columns_of(next_character(text, at));
  return columns;
}

std::string one_line(std::string_view text) {
  std::string out;
  bool gap = false;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t c = next_character(text, at);
    if (is_space(c)) {
      gap = true;
      continue;
    }
    if (gap && !out.empty()) out += ' ';
    gap = false;
    if (c == 0xFFFD)
      out += "\xEF\xBF\xBD";
    else
      out += text.substr(begin, at - begin);
  }
  return out;
}

std::vector<std::string> wrap(std::string_view text, int columns) {
  const std::string line = one_line(text);
  std::vector<std::string> out;
  size_t begin = 0, break_end = 0, break_next = 0;  // the last place to break: text up to end, then from next
  int width = 0;
  for (size_t at = 0; at < line.size();) {
    const size_t here = at;
    const char32_t c = next_character(line, at);
    if (c == ' ') {
      break_end = here;
      break_next = at;
    } else if (columns_of(c) == 2 && here > begin) {
      break_end = break_next = here;
    }
    width += columns_of(c);
    if (width <= columns || c == ' ') continue;
    if (break_next <= begin) break_end = break_next = here > begin ? here : at;
    out.push_back(line.substr(begin, break_end - begin));
    begin = break_next;
    width = begin < at ? columns_of(std::string_view(line).substr(begin, at - begin)) : 0;
  }
  if (begin < line.size()) out.push_back(line.substr(begin));
  for (std::string& piece : out)
    while (!piece.empty() && piece.back() == ' ') piece.pop_back();
  return out;
}

std::vector<std::string> split_sentences(std::string_view text) {
  const std::string line = one_line(text);
  std::vector<std::string> out;
  size_t begin = 0;
  for (size_t at = 0; at < line.size();) {
    const size_t here = at;
    const char32_t c = next_character(line, at);
    if (!is_end_mark(c) && !is_wide_end_mark(c)) continue;
    if (c == '.' && is_abbreviation(std::string_view(line).substr(begin, here - begin))) continue;
    size_t end = at;
    while (end < line.size()) {  // "?!", closing quotes
      size_t next = end;
      const char32_t follower = next_character(line, next);
      if (!is_end_mark(follower) && !is_wide_end_mark(follower) && !is_closing(follower)) break;
      end = next;
    }
    at = end;
    if (end < line.size() && !is_wide_end_mark(c)) {
      if (line[end] != ' ') continue;
      size_t next = end + 1;
      if (is_lower(next_character(line, next))) continue;
    }
    out.push_back(line.substr(begin, end - begin));
    begin = end < line.size() && line[end] == ' ' ? end + 1 : end;
    at = begin;
  }
  if (begin < line.size()) out.push_back(line.substr(begin));
  return out;
}

}  // namespace zoetrope
