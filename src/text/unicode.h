// UTF-8 and the facts about code points that tokenizers ask for. Where libraries of different ages disagree,
// the answers are those of the reference implementation (Hugging Face `tokenizers` 0.23), see
// unicode_facts.inc.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace zoetrope {

struct CodePointRange {
  uint32_t first, last;
};
struct CategoryChange {
  uint32_t first, last;
  char category[3];  // two letters: "Lu"
};

// Byte offset of the first byte that is not valid UTF-8 (overlong forms, surrogates and values above U+10FFFF
// are not), or npos.
size_t first_invalid_utf8(std::string_view text);
// Throws InputError naming `what` and the byte where the text is not UTF-8.
void require_utf8(std::string_view text, std::string_view what);
// The code point at `position`, which moves behind it. The text must be valid UTF-8.
uint32_t next_code_point(std::string_view text, size_t& position);
// Bytes of the character whose first byte this is (valid UTF-8).
inline size_t utf8_length(char lead) {
  auto byte = static_cast<uint8_t>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}
void append_utf8(std::string& out, uint32_t code_point);
// Replaces each maximal part that can't be decoded by U+FFFD.
std::string lossy_utf8(std::string_view bytes);

bool is_white_space(uint32_t code_point);  // Unicode White_Space
bool is_word(uint32_t code_point);         // \w
bool is_numeric(uint32_t code_point);
bool is_punctuation(uint32_t code_point);  // also all ASCII punctuation
bool is_mark(uint32_t code_point);
std::string lowercase(std::string_view text);

enum class NormalForm { nfc, nfd, nfkc, nfkd };
// Time grows as n log n at worst (long runs of combining marks), memory is a small multiple of the text.
std::string normal_form(std::string_view text, NormalForm form);
// End of the extended grapheme cluster that begins at `begin`.
size_t grapheme_end(std::string_view text, size_t begin);

// For the translation of patterns.
std::span<const CategoryChange> category_changes();
std::span<const CodePointRange> word_ranges();
std::span<const CodePointRange> white_space_ranges();

}  // namespace zoetrope
