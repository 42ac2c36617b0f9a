// Long and awkward texts: the work must grow about as the text does. Bounds are counted, not timed.
#include <gtest/gtest.h>

#include "base/error.h"
#include "text/regex.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

namespace zoetrope {
namespace {

constexpr char kLlama3[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

std::string repeated(std::string_view text, size_t bytes) {
  std::string out;
  while (out.size() < bytes) out += text;
  return out;
}

TEST(PatternWork, GrowsWithTheText) {
  const Regex pattern(kLlama3, "test");
  for (std::string_view unit :
       {"a", " ", "\n", " a", "1", "!", "\xCC\x81", "\xE4\xB8\xAD", "  \n", "'s", "a1 !\n"}) {
    const std::string text = repeated(unit, 1 << 20);
    uint64_t inspected = 0;
    const auto matches = pattern.find_all(text, &inspected);
    uint32_t last = 0;
    for (const auto& [begin, end] : matches) {
      ASSERT_EQ(begin, last);  // this pattern leaves nothing out
      last = end;
    }
    EXPECT_EQ(last, text.size());
    EXPECT_LE(inspected, 8 * text.size()) << unit;
  }
}

TEST(PatternWork, WindowsDoNotShow) {
  // Matches that end at, cross, or look across the edge of the first window.
  const Regex runs(R"(x+|\s+(?!\S)|\s+|(?<=y)z|y)", "test");
  for (size_t length = 500; length < 530; ++length) {
    const std::string text = std::string(length, 'x') + " " + std::string(length, ' ') + "yz";
    const auto matches = runs.find_all(text);
    ASSERT_EQ(matches.size(), 5u) << length;
    EXPECT_EQ(matches[0].end, length);
    EXPECT_EQ(matches[1].end, 2 * length);
    EXPECT_EQ(matches[4].begin, text.size() - 1);
  }
  const Regex empty("(?!\\S)", "test");
  for (size_t length : {511u, 512u, 513u}) {
    const auto matches = empty.find_all(std::string(length, 'x') + " x");
    ASSERT_EQ(matches.size(), 2u) << length;
    EXPECT_EQ(matches[0].begin, length);
  }
}

TEST(PatternWork, RunawayPatternsAreStopped) {
  for (const char* pattern : {"(a+)+$", "(a|aa)+$", "(a|a)*b", "(.*)*x", "(?:a*)*b", "a*b", "(?=(a+))a*b",
                              "([a-z]+)*1", "(x+x+)+y", "(?:a?){50}a{50}b"}) {
    const Regex regex(pattern, "file: field 'x'");
    uint64_t inspected = 0;
    const std::string text = repeated("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1 << 20) + "!";
    try {
      regex.find_all(text, &inspected);
      EXPECT_LE(inspected, (64u << 20) + 256 * text.size()) << pattern;
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find("field 'x'"), std::string::npos);
    }
  }
}

TEST(NormalFormWork, MillionCombiningMarks) {
  // Two classes of marks in turn, against their order: an insertion sort would take half a million million
  // steps.
  const std::string text = "a" + repeated("\xCC\x81\xCC\xA3", 2'000'000);
  const std::string out = normal_form(text, NormalForm::nfc);
  EXPECT_EQ(out.substr(0, 5), "\xE1\xBA\xA1\xCC\xA3");
  EXPECT_EQ(out.size(), text.size());
}

class LongTexts : public testing::TestWithParam<const char*> {};

TEST_P(LongTexts, Pass) {
  const auto tokenizer = load_tokenizer(std::string(ZT_SOURCE_DIR) + "/src/text/goldens/" + GetParam());
  for (std::string_view unit :
       {"a", "the", "\xCC\x81", " ", "\xF0\x9F\x90\xBB", "The polar bear crosses the ice. "}) {
    const std::string text = repeated(unit, 1 << 20);
    EXPECT_LE(tokenizer->encode(text, true).size(), text.size() + 2);
  }
  const std::string prompt =
      repeated("The bear's cub walks 12345 steps; \xE5\xB0\x8F\xE7\x86\x8A\n", 10 << 20);
  EXPECT_GT(tokenizer->encode(prompt, false).size(), prompt.size() / 16);
}
INSTANTIATE_TEST_SUITE_P(Tokenizers, LongTexts,
                         testing::Values("llama3", "qwen2", "umt5_unigram_strip_newer"));

TEST(SentencepieceWork, RefusesEndlessWords) {
  const auto tokenizer = load_tokenizer(std::string(ZT_SOURCE_DIR) + "/src/text/goldens/spiece");
  EXPECT_THROW(tokenizer->encode(repeated("\xCC\x81", 1 << 20), true), InputError);
  EXPECT_EQ(tokenizer->encode(repeated(" ", 1 << 20), true).size(), 1u);
  EXPECT_GT(tokenizer->encode(repeated("The polar bear crosses the ice. ", 1 << 20), true).size(), 100'000u);
}

}  // namespace
}  // namespace zoetrope
