#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>

#include "base/error.h"
#include "text/unicode.h"

namespace zoetrope {
namespace {

// A match is first tried on a window of this many bytes. Most tokens are shorter, and a pattern that rescans
// its window for every start then costs at most kWindow steps a byte.
constexpr size_t kWindow = 512;
// Backtracking steps for one attempt, beyond a few for each byte of its window.
constexpr uint32_t kSteps = 100'000;
// Bytes in windows larger than the first, for each byte of text and in all.
constexpr uint64_t kRescansPerByte = 256;
constexpr uint64_t kRescansFree = 64u << 20;
constexpr uint32_t kHeapKiB = 64u << 10;
constexpr size_t kMostPattern = 1u << 16;

struct Scratch {
  pcre2_match_data* data = nullptr;
  pcre2_match_context* context = nullptr;
  pcre2_jit_stack* stack = nullptr;
  explicit Scratch(const pcre2_code* code)
      : data(pcre2_match_data_create_from_pattern(code, nullptr)),
        context(pcre2_match_context_create(nullptr)),
        stack(pcre2_jit_stack_create(32 << 10, 16 << 20, nullptr)) {
    if (!data || !context || !stack) throw std::bad_alloc();
    pcre2_jit_stack_assign(context, nullptr, stack);
    pcre2_set_heap_limit(context, kHeapKiB);
  }
  ~Scratch() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    pcre2_jit_stack_free(stack);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
};

}  // namespace

struct Regex::Code {
  pcre2_code* code = nullptr;
  ~Code() { pcre2_code_free(code); }
};

Regex::Regex(std::string_view pattern, std::string where)
    : code_(std::make_unique<Code>()), where_(std::move(where)) {
  if (pattern.size() > kMostPattern) throw InputError("the pattern is longer than 65,536 bytes", where_);
  const std::string translated = translate_pattern(pattern, where_);
  int error = 0;
  PCRE2_SIZE offset = 0;
  auto* context = pcre2_compile_context_create(nullptr);
  if (!context) throw std::bad_alloc();
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(context, 100);
  pcre2_set_max_pattern_length(context, 4 << 20);
  code_->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                              PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error,
                              &offset, context);
  pcre2_compile_context_free(context);
  if (!code_->code) {
    PCRE2_UCHAR text[200] = {0};
    pcre2_get_error_message(error, text, sizeof text);
    throw InputError(
        "the pattern '" + printable(pattern, 200) + "' can't be used: " + reinterpret_cast<char*>(text),
        where_);
  }
  // Without just-in-time code the interpreter does the same, slower.
  pcre2_jit_compile(code_->code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD);
}

Regex Regex::literal(std::string_view text, std::string where) {
  Regex out;
  if (text.empty()) throw InputError("the pattern is empty", where);
  out.literal_ = text;
  out.where_ = std::move(where);
  return out;
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

std::vector<Span32> Regex::find_literal(std::string_view text) const {
  std::vector<Span32> out;
  for (size_t at = text.find(literal_); at != text.npos; at = text.find(literal_, at + literal_.size()))
    out.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(at + literal_.size())});
  return out;
}

std::vector<Span32> Regex::find_all(std::string_view text, uint64_t* inspected) const {
  if (inspected) *inspected = 0;
  if (!code_) return find_literal(text);
  std::vector<Span32> out;
  Scratch scratch(code_->code);
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  const uint64_t most = kRescansFree + kRescansPerByte * text.size();
  uint64_t rescanned = 0;
  size_t start = 0;
  size_t window = kWindow;
  bool anchored = false;  // a longer look at `start` alone, after a shorter one ended at the window's edge
  ptrdiff_t last_end = -1;
  while (start <= text.size()) {
    size_t end = std::min(text.size(), start + window);
    while (end < text.size() && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) ++end;
    const bool whole = end == text.size();
    if (anchored && (rescanned += end - start) > most)
      throw InputError("the pattern needs too much work on this text", where_,
                       "simplify the pattern or shorten the text");
    uint32_t options = PCRE2_NO_UTF_CHECK;
    if (!whole) options |= PCRE2_PARTIAL_HARD;
    if (anchored) options |= PCRE2_ANCHORED;
    pcre2_set_match_limit(scratch.context, kSteps + static_cast<uint32_t>(4 * (end - start)));
    int result = pcre2_match(code_->code, subject, end, start, options, scratch.data, scratch.context);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT)
      result = pcre2_match(code_->code, subject, end, start, options | PCRE2_NO_JIT, scratch.data,
                           scratch.context);
    const PCRE2_SIZE* found = pcre2_get_ovector_pointer(scratch.data);
    if (result == PCRE2_ERROR_PARTIAL) {
      start = found[0];
      anchored = true;
      window *= window == kWindow ? 4 : 2;
      continue;
    }
    if (result == PCRE2_ERROR_NOMATCH) {
      if (anchored) {
        if (start >= text.size()) break;
        start += utf8_length(text[start]);
      } else {
        if (whole) break;
        start = end;
      }
      anchored = false;
      window = kWindow;
      continue;
    }
    if (result < 0)
      throw InputError("the pattern needs too many steps on this text", where_,
                       "simplify the pattern or shorten the text");
    const size_t from = found[0], to = found[1];
    if (!whole && to == end) {
      // What follows might have changed this match, or ended it elsewhere.
      start = from;
      anchored = true;
      window *= window == kWindow ? 4 : 2;
      continue;
    }
    if (to < from) throw InputError("the pattern moves its own beginning (\\K)", where_);
    anchored = false;
    window = kWindow;
    if (from == to && static_cast<ptrdiff_t>(to) == last_end) {
      if (to >= text.size()) break;
      start = to + utf8_length(text[to]);
      continue;
    }
    out.push_back({static_cast<uint32_t>(from), static_cast<uint32_t>(to)});
    start = to;
    last_end = static_cast<ptrdiff_t>(to);
  }
  if (inspected) *inspected = rescanned;
  return out;
}

}  // namespace zoetrope
