#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace zoetrope {
namespace {

#include "text/unicode_facts.inc"

constexpr CodePointRange kWhiteSpace[] = {
    {0x9, 0xD},       {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
    {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000},
};

// Capitals newer than utf8proc: the first of a run, the last, and the small letter of the first.
constexpr uint32_t kNewCapitals[][3] = {
    {0x1C89, 0x1C89, 0x1C8A},    {0xA7CB, 0xA7CB, 0x264},  {0xA7CC, 0xA7CC, 0xA7CD},
    {0xA7CE, 0xA7CE, 0xA7CF},    {0xA7D2, 0xA7D2, 0xA7D3}, {0xA7D4, 0xA7D4, 0xA7D5},
    {0xA7DA, 0xA7DA, 0xA7DB},    {0xA7DC, 0xA7DC, 0x19B},  {0x10D50, 0x10D65, 0x10D70},
    {0x16EA0, 0x16EB8, 0x16EBB},
};

bool contains(std::span<const CodePointRange> ranges, uint32_t code_point) {
  auto it = std::upper_bound(ranges.begin(), ranges.end(), code_point,
                             [](uint32_t c, const CodePointRange& range) { return c < range.first; });
  return it != ranges.begin() && code_point <= std::prev(it)->last;
}

utf8proc_category_t category(uint32_t code_point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
}

// Length of the valid sequence at text[i], or 0; `part` is the length of the longest valid beginning.
size_t sequence_length(std::string_view text, size_t i, size_t& part) {
  auto byte = [&](size_t k) { return static_cast<uint8_t>(text[k]); };
  const uint8_t lead = byte(i);
  part = 1;
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  for (size_t k = 1; k < length; ++k) {
    if (i + k >= text.size()) return 0;
    const uint8_t c = byte(i + k);
    uint8_t low = 0x80, high = 0xBF;
    if (k == 1) {
      if (lead == 0xE0) low = 0xA0;
      if (lead == 0xED) high = 0x9F;
      if (lead == 0xF0) low = 0x90;
      if (lead == 0xF4) high = 0x8F;
    }
    if (c < low || c > high) return 0;
    part = k + 1;
  }
  return length;
}

}  // namespace

size_t first_invalid_utf8(std::string_view text) {
  size_t part = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t length = sequence_length(text, i, part);
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

void require_utf8(std::string_view text, std::string_view what) {
  const size_t bad = first_invalid_utf8(text);
  if (bad != std::string_view::npos)
    throw InputError("is not valid UTF-8 at byte " + std::to_string(bad), what, "save the text as UTF-8");
}

uint32_t next_code_point(std::string_view text, size_t& position) {
  auto byte = [&](size_t k) { return static_cast<uint32_t>(static_cast<uint8_t>(text[position + k])); };
  const size_t length = utf8_length(text[position]);
  uint32_t c = byte(0);
  if (length == 2) c = (c & 0x1F) << 6 | (byte(1) & 0x3F);
  if (length == 3) c = (c & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
  if (length == 4) c = (c & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
  position += length;
  return c;
}

void append_utf8(std::string& out, uint32_t c) {
  auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  }
}

std::string lossy_utf8(std::string_view bytes) {
  std::string out;
  size_t part = 0;
  for (size_t i = 0; i < bytes.size();) {
    const size_t length = sequence_length(bytes, i, part);
    if (length > 0) {
      out.append(bytes.substr(i, length));
      i += length;
    } else {
      out.append("\xEF\xBF\xBD");
      i += part;
    }
  }
  return out;
}

bool is_white_space(uint32_t c) { return contains(kWhiteSpace, c); }
bool is_word(uint32_t c) { return contains(kWord, c); }

bool is_numeric(uint32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  const auto kind = category(c);
  return (kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO) || contains(kMoreNumeric, c);
}

bool is_punctuation(uint32_t c) {
  if (c < 0x80)
    return (c > 0x20 && c < '0') || (c > '9' && c < 'A') || (c > 'Z' && c < 'a') || (c > 'z' && c < 0x7F);
  if (c == 0x166D || c == 0x111C9) return true;  // letters and symbols today, punctuation in the older table
  const auto kind = category(c);
  return kind >= UTF8PROC_CATEGORY_PC && kind <= UTF8PROC_CATEGORY_PO && !contains(kNotPunctuation, c);
}

bool is_mark(uint32_t c) {
  if (c == 0x1CF2 || c == 0x1CF3) return true;  // letters today
  const auto kind = category(c);
  return kind >= UTF8PROC_CATEGORY_MN && kind <= UTF8PROC_CATEGORY_ME && !contains(kNotMarks, c);
}

std::string lowercase(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    uint32_t c = next_code_point(text, i);
    for (const auto& [first, last, small] : kNewCapitals)
      if (c >= first && c <= last) c = c - first + small;
    if (c == 0x130)
      out.append("i\xCC\x87");  // the one capital whose full lower case is two characters
    else
      append_utf8(out, static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
  }
  return out;
}

namespace {

// Collects decomposed characters up to a place where nothing can interact across, then orders and composes.
class NormalFormWriter {
 public:
  explicit NormalFormWriter(NormalForm form)
      : compose_(form == NormalForm::nfc || form == NormalForm::nfkc),
        compatible_(form == NormalForm::nfkc || form == NormalForm::nfkd) {}

  void add(uint32_t c) {
    // An ASCII character never joins with what stands before it.
    if (c < 0x80 && !buffer_.empty()) flush();
    if (c >= 0x80 && contains(kInertInNormalForms, c)) {
      flush();
      append_utf8(out_, c);
      return;
    }
    int options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
    if (compatible_) options |= UTF8PROC_COMPAT;
    utf8proc_int32_t parts[32];
    int boundary = 0;
    const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts, 32,
                                               static_cast<utf8proc_option_t>(options), &boundary);
    if (count <= 0 || count > 32) throw InternalError("decomposition of a character is longer than 32");
    buffer_.insert(buffer_.end(), parts, parts + count);
  }

  std::string take() {
    flush();
    return std::move(out_);
  }

 private:
  static int combining_class(utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; }

  void flush() {
    if (buffer_.empty()) return;
    for (size_t i = 0; i < buffer_.size();) {
      size_t end = i;
      while (end < buffer_.size() && combining_class(buffer_[end]) != 0) ++end;
      if (end > i + 1)
        std::stable_sort(buffer_.begin() + static_cast<ptrdiff_t>(i),
                         buffer_.begin() + static_cast<ptrdiff_t>(end),
                         [](auto a, auto b) { return combining_class(a) < combining_class(b); });
      i = end + 1;
    }
    auto count = static_cast<utf8proc_ssize_t>(buffer_.size());
    if (compose_ && count > 1)
      count = utf8proc_normalize_utf32(buffer_.data(), count,
                                       static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    for (utf8proc_ssize_t i = 0; i < count; ++i)
      append_utf8(out_, static_cast<uint32_t>(buffer_[static_cast<size_t>(i)]));
    buffer_.clear();
  }

  bool compose_, compatible_;
  std::vector<utf8proc_int32_t> buffer_;
  std::string out_;
};

}  // namespace

std::string normal_form(std::string_view text, NormalForm form) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; }))
    return std::string(text);
  NormalFormWriter writer(form);
  for (size_t i = 0; i < text.size();) writer.add(next_code_point(text, i));
  return writer.take();
}

size_t grapheme_end(std::string_view text, size_t begin) {
  size_t i = begin;
  auto seen_as = [](uint32_t c) {
    return static_cast<utf8proc_int32_t>(contains(kNewExtenders, c) ? 0x300 : c);
  };
  uint32_t previous = next_code_point(text, i);
  utf8proc_int32_t state = 0;
  while (i < text.size()) {
    if (previous < 0x80 && static_cast<uint8_t>(text[i]) < 0x80 && previous != '\r') return i;
    size_t after = i;
    const uint32_t c = next_code_point(text, after);
    if (utf8proc_grapheme_break_stateful(seen_as(previous), seen_as(c), &state)) return i;
    previous = c;
    i = after;
  }
  return i;
}

std::span<const CategoryChange> category_changes() { return kCategoryChanges; }
std::span<const CodePointRange> word_ranges() { return kWord; }
std::span<const CodePointRange> white_space_ranges() { return kWhiteSpace; }

}  // namespace zoetrope
