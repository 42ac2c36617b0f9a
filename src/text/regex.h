// The patterns of tokenizer files, in the dialect of Oniguruma (Ruby syntax) as the reference reads them, run
// by PCRE2. A pattern from a file is hostile: compile size, backtracking, stack and the total work on a text
// are all bounded, and passing a bound is an InputError that names the field of the pattern.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace zoetrope {

struct Span32 {
  uint32_t begin, end;  // bytes
};

class Regex {
 public:
  // `where` is "file: field 'x'". Throws InputError where the pattern is wrong or uses what is not supported.
  Regex(std::string_view pattern, std::string where);
  // A pattern that matches exactly this text.
  static Regex literal(std::string_view text, std::string where);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  // All matches from left to right, none overlapping; an empty match right behind another one is skipped.
  // The text must be valid UTF-8, shorter than 2 GiB. Thread-safe. `inspected`, where given, receives the
  // number of bytes that were looked at more than once at most: a bound of the work beyond one pass.
  std::vector<Span32> find_all(std::string_view text, uint64_t* inspected = nullptr) const;

 private:
  struct Code;
  Regex() = default;
  std::vector<Span32> find_literal(std::string_view text) const;
  std::unique_ptr<Code> code_;
  std::string literal_;
  std::string where_;
};

// The same pattern in PCRE2's dialect. Throws InputError on what has no counterpart.
std::string translate_pattern(std::string_view pattern, const std::string& where);

}  // namespace zoetrope
