// Damaged and hostile tokenizer files and texts: each is one error that names the field, or a right answer.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/charsmap.h"
#include "text/normalizer.h"
#include "text/sentencepiece_model.h"
#include "text/tokenizer.h"

namespace zoetrope {
namespace {

using testing::HasSubstr;

// A small tokenizer.json; a part may be replaced.
struct Parts {
  std::string normalizer = "null", pre_tokenizer = "null", post_processor = "null", decoder = "null";
  std::string added = "[]";
  std::string model = R"({"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]})";
  std::string text() const {
    return R"({"version": "1.0", "added_tokens": )" + added + R"(, "normalizer": )" + normalizer +
           R"(, "pre_tokenizer": )" + pre_tokenizer + R"(, "post_processor": )" + post_processor +
           R"(, "decoder": )" + decoder + R"(, "model": )" + model + "}";
  }
};

std::unique_ptr<Tokenizer> load(const Parts& parts) {
  return parse_tokenizer_json(parts.text(), "tokenizer.json");
}

void expect_refused(const Parts& parts, const std::string& what) {
  try {
    load(parts);
    ADD_FAILURE() << "accepted: " << parts.text().substr(0, 500);
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("tokenizer.json"));
    EXPECT_THAT(error.what(), HasSubstr(what));
    EXPECT_LT(std::string(error.what()).size(), 4000u);
  }
}

std::string added(const std::string& id, const std::string& content) {
  return R"({"id": )" + id + R"(, "content": ")" + content +
         R"(", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true})";
}

TEST(BadTokenizer, UnknownTypesAreNamed) {
  Parts parts;
  EXPECT_EQ(load(parts)->encode("ab", true), std::vector<int32_t>{2});
  for (std::string Parts::*field :
       {&Parts::normalizer, &Parts::pre_tokenizer, &Parts::post_processor, &Parts::decoder, &Parts::model}) {
    Parts wrong;
    wrong.*field = R"({"type": "Sorcery"})";
    expect_refused(wrong, "unknown");
    expect_refused(wrong, "Sorcery");
    wrong.*field = R"({"no_type": 1})";
    expect_refused(wrong, "type");
    wrong.*field = "17";
    expect_refused(wrong, "field");
  }
  for (const char* nested : {R"({"type": "Sequence", "normalizers": [{"type": "X"}]})",
                             R"({"type": "Sequence", "normalizers": [null]})", R"({"type": "Sequence"})"}) {
    Parts wrong;
    wrong.normalizer = nested;
    expect_refused(wrong, "normalizer");
  }
}

TEST(BadTokenizer, ModelIds) {
  for (const char* vocab : {R"({"a": 0, "b": 2147483648})", R"({"a": 0, "b": -1})", R"({"a": 0, "b": 0})",
                            R"({"a": 0, "b": 2})", R"({"a": 0, "b": 1.5})", R"({"a": 0, "b": "1"})",
                            R"({"a": 0, "b": null})", R"({"a": 0, "a": 1})", "[]"}) {
    Parts parts;
    parts.model = std::string(R"({"type": "BPE", "merges": [], "vocab": )") + vocab + "}";
    expect_refused(parts, "");
  }
  Parts gap;
  gap.model = R"({"type": "BPE", "merges": [], "vocab": {"a": 0, "b": 7}})";
  expect_refused(gap, "model.vocab");
}

TEST(BadTokenizer, Merges) {
  for (const char* merges :
       {R"(["a c"])", R"([["a", "zz"]])", R"(["b a"])", R"(["a"])", R"(["a b c"])", R"([["a"]])",
        R"([["a", 1]])", R"([17])", R"([["", "a"]])", R"({"a": "b"})", "7"}) {
    Parts parts;
    parts.model = std::string(R"({"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "": 3}, "merges": )") +
                  merges + "}";
    expect_refused(parts, "model.merges");
  }
  Parts prefix;
  prefix.model =
      R"({"type": "BPE", "continuing_subword_prefix": "####", "vocab": {"a": 0, "b": 1}, "merges": ["a b"]})";
  expect_refused(prefix, "model.merges");
  Parts dropout;
  dropout.model = R"({"type": "BPE", "dropout": 0.5, "vocab": {"a": 0}, "merges": []})";
  expect_refused(dropout, "dropout");
}

TEST(BadTokenizer, MergesThatFeedEachOtherEnd) {
  // Every merge makes the word shorter, so rules in a ring can't run for ever.
  Parts parts;
  parts.model = R"({"type": "BPE", "vocab": {"a": 0, "aa": 1, "aaa": 2, "aaaa": 3},
                    "merges": ["aa aa", "a aa", "aa a", "a a", "a aaa", "aaa a"]})";
  EXPECT_EQ(load(parts)->encode("aaaaaaaa", false),
            (std::vector<int32_t>{2, 2, 1}));  // so says the reference
}

TEST(BadTokenizer, Unigram) {
  auto with = [](const std::string& vocab, const std::string& rest) {
    Parts parts;
    parts.model = R"({"type": "Unigram", "vocab": )" + vocab + rest + "}";
    return parts;
  };
  const std::string good = R"([["<unk>", 0], ["a", -1.5]])";
  EXPECT_EQ(load(with(good, R"(, "unk_id": 0)"))->encode("axa", false), (std::vector<int32_t>{1, 0, 1}));
  expect_refused(with(R"([["a", 1e999]])", ""), "");
  expect_refused(with(R"([["a", NaN]])", ""), "");
  expect_refused(with(R"([["a", "1"]])", ""), "model.vocab");
  expect_refused(with(R"([["a"]])", ""), "model.vocab");
  expect_refused(with(R"([[1, 2]])", ""), "model.vocab");
  expect_refused(with(good, R"(, "unk_id": 2)"), "unk_id");
  expect_refused(with(good, R"(, "unk_id": -1)"), "unk_id");
  expect_refused(with("[]", R"(, "unk_id": 0)"), "unk_id");
  expect_refused(with("[[\"" + std::string(2000, 'a') + "\", 1]]", ""), "longer");
  // Without an unknown token a text may be impossible.
  const auto strict = load(with(R"([["a", -1]])", ""));
  EXPECT_EQ(strict->encode("aa", false).size(), 2u);
  EXPECT_THROW(strict->encode("ab", false), InputError);
  EXPECT_EQ(load(with(R"([["a", 1e308], ["aa", -1e308], ["u", 0]])", R"(, "unk_id": 2)"))
                ->encode("aaaa", false)
                .size(),
            3u);
}

TEST(BadTokenizer, AddedTokens) {
  for (const char* id : {"2147483648", "-1", "9", "1e99", "\"3\"", "null", "4"}) {
    Parts parts;
    parts.added = "[" + added(id, "<x>") + "]";
    expect_refused(parts, "added_tokens");
  }
  Parts parts;
  parts.added = "[" + added("3", "") + "]";
  expect_refused(parts, "no content");
  parts.added = "[" + added("3", "<x>") + ", " + added("3", "<y>") + "]";
  expect_refused(parts, "another added token");
  parts.added = "[" + added("3", "<x>") + ", " + added("4", "<x>") + "]";
  expect_refused(parts, "twice");
  parts.added = "[" + added("3", std::string(5000, 'x')) + "]";
  expect_refused(parts, "longer");
  parts.added = R"([{"id": 3, "content": "x"}])";
  expect_refused(parts, "added_tokens[0]");
  parts.added = "[" + added("3", "<x>") + "]";
  EXPECT_EQ(load(parts)->encode("a<x>b", false), (std::vector<int32_t>{0, 3, 1}));
  // As in the reference the vocabulary's id counts where the list has another one.
  parts.added = "[" + added("3", "ab") + "]";
  EXPECT_EQ(load(parts)->encode("ab", false), std::vector<int32_t>{2});
}

TEST(BadTokenizer, PostProcessor) {
  Parts parts;
  parts.post_processor =
      R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x", "type_id": 0}}],
                             "pair": [], "special_tokens": {"x": {"id": "x", "ids": [3], "tokens": ["x"]}}})";
  expect_refused(parts, "post_processor.special_tokens.x.ids[0]");
  parts.post_processor =
      R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x", "type_id": 0}}],
                             "pair": [], "special_tokens": {}})";
  expect_refused(parts, "not defined");
  parts.post_processor =
      R"({"type": "TemplateProcessing", "single": [{"Sequence": {"id": "B", "type_id": 0}}],
                             "pair": [], "special_tokens": {}})";
  expect_refused(parts, "another text");
  parts.post_processor = R"({"type": "BertProcessing", "sep": ["b", 1], "cls": ["a", 99]})";
  expect_refused(parts, "post_processor.cls");
  parts.post_processor = R"({"type": "BertProcessing", "sep": ["b", 1], "cls": ["a", 0]})";
  EXPECT_EQ(load(parts)->encode("ab", true), (std::vector<int32_t>{0, 2, 1}));
}

TEST(BadTokenizer, Patterns) {
  for (const char* pattern :
       {"(",           ")",
        "[",           "[a",
        "a{2,1}",      "*",
        "\\\\p{Nope}", "\\\\p{Lx}",
        "[[a]b]",      "[a&&b]",
        "(?x: a)",     "(*FAIL)",
        "\\\\K",       "\\\\xFF",
        "\\\\u12",     "a(?i)b",
        "(?<n",        "\\\\",
        "[\\\\",       "(?",
        "(?#",         "{1}",
        "(?<=a+)b",    "((((((((((((a{900}){900}){900}){900}){900}){900}){900}){900}){900}){900}){9}){9}"}) {
    Parts parts;
    parts.pre_tokenizer = std::string(R"({"type": "Split", "pattern": {"Regex": ")") + pattern +
                          R"("}, "behavior": "Isolated", "invert": false})";
    expect_refused(parts, "pre_tokenizer");
  }
  Parts parts;
  parts.pre_tokenizer =
      R"({"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Sideways", "invert": false})";
  expect_refused(parts, "Sideways");
  parts.pre_tokenizer =
      R"({"type": "Split", "pattern": {"Glob": "a"}, "behavior": "Isolated", "invert": false})";
  expect_refused(parts, "pattern");
  parts.pre_tokenizer = R"({"type": "Metaspace", "replacement": "__"})";
  expect_refused(parts, "one character");
  parts.pre_tokenizer = R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "sometimes"})";
  expect_refused(parts, "prepend_scheme");
  parts.pre_tokenizer =
      R"({"type": "Metaspace", "replacement": "_", "add_prefix_space": false, "prepend_scheme": "always"})";
  expect_refused(parts, "add_prefix_space");
}

TEST(BadTokenizer, CharacterMaps) {
  for (const char* map : {"", "AAA", "AAAA", "====", "A===", "AA=A",
                          "AAAAAA==", "BAAAAAAAAAA=", "/////w==", "!!!!", "BAAAAAAAAAD/"}) {
    Parts parts;
    parts.normalizer = std::string(R"({"type": "Precompiled", "precompiled_charsmap": ")") + map + R"("})";
    if (std::string(map) == "BAAAAAAAAAA=") {  // one unit, one zero byte: a map that knows nothing
      EXPECT_EQ(load(parts)->encode("ab", false), std::vector<int32_t>{2});
      continue;
    }
    expect_refused(parts, "precompiled_charsmap");
  }
  // Units at random: steps out of the array and values out of the text find nothing.
  uint32_t state = 1;
  auto random = [&state] { return state = state * 1664525u + 1013904223u; };
  for (int round = 0; round < 2000; ++round) {
    std::string map("\x40\x00\x00\x00", 4);
    for (int i = 0; i < 64; ++i) map += static_cast<char>(random() >> 24);
    map += std::string("xyz\0\0", 5);
    const Charsmap charsmap(map, "test");
    for (uint32_t c = 1; c < 256; ++c) {
      const std::string text = {static_cast<char>(c), static_cast<char>(random() >> 25), 'a', 'b'};
      const auto found = charsmap.find(text);
      ASSERT_LE(found ? found->size() : 0, 4u);
    }
  }
}

TEST(BadTokenizer, Documents) {
  for (const char* text :
       {"", "{", "[]", "null", "\xEF\xBB\xBF{}", "{}", R"({"model": {}})", R"({"version": "2.0"})",
        R"({"model": {"type": "WordPiece", "vocab": {}}})", "{\"model\": \xFF}"}) {
    EXPECT_THROW(parse_tokenizer_json(text, "tokenizer.json"), InputError) << text;
  }
  EXPECT_THROW(parse_tokenizer_json(std::string(100'000, '['), "tokenizer.json"), InputError);
  std::string nested;
  for (int i = 0; i < 60; ++i) nested += R"({"type": "Sequence", "normalizers": [)";
  Parts parts;
  parts.normalizer = nested;
  EXPECT_THROW(load(parts), InputError);
}

TEST(BadText, InvalidUtf8AndZeroBytes) {
  const auto tokenizer = load_tokenizer(fs::path(ZT_SOURCE_DIR) / "src/text/goldens/qwen2");
  for (const char* text :
       {"\x80", "a\xFF", "\xC1\x81", "\xE0\x80\x80", "\xED\xBF\xBF", "\xF5\x80\x80\x80", "\xF0\x9F\x90"})
    EXPECT_THROW(tokenizer->encode(text, false), InputError);
  const std::string zero("a\0b", 3);
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(zero, false), false), zero);
  const std::vector<int32_t> strange = {-1, INT32_MAX, tokenizer->vocab_size(), 0};
  EXPECT_EQ(tokenizer->decode(strange, true).size(), 1u);
  EXPECT_THROW(tokenizer->encode(std::string((64u << 20) + 1, 'a'), false), InputError);
}

TEST(BadText, RulesThatMultiplyATextAreStopped) {
  Parts parts;
  parts.normalizer = R"({"type": "Sequence", "normalizers": [)";
  for (int i = 0; i < 8; ++i)
    parts.normalizer += std::string(i ? "," : "") +
                        R"({"type": "Replace", "pattern": {"String": "a"}, "content": ")" +
                        std::string(100, 'a') + "\"}";
  parts.normalizer += "]}";
  EXPECT_THROW(load(parts)->encode("aaaa", false), InputError);
}

std::string bytes_of(const char* name) {
  return read_file(fs::path(ZT_SOURCE_DIR) / "src/text/goldens" / name / "spiece.model", 1 << 24);
}

TEST(BadSentencepiece, DamagedFiles) {
  const std::string good = bytes_of("spiece");
  EXPECT_NO_THROW(parse_sentencepiece(good, "spiece.model", {}));
  EXPECT_THROW(parse_sentencepiece("", "spiece.model", {}), InputError);
  for (const std::string& bytes :
       {std::string("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"), std::string("\x0B\x0C"),
        std::string("\x0E\x00"), std::string("\x0A\x02\x0A\x00", 4),
        std::string("\x0A\x07\x0A\x01x\x15\x00\x00\xC0", 9),
        std::string("\x0A\x08\x0A\x01x\x15\x00\x00\xC0\x7F", 10), std::string("\x0A\x03\x0A\x01\xFF"),
        std::string("\x0A\x03\x0A\x01\0", 5), std::string(100'000, '\x0A'), std::string(1000, '\xFF')})
    EXPECT_THROW(parse_sentencepiece(bytes, "spiece.model", {}), InputError);
  for (size_t length = 1; length < good.size(); length += 1 + good.size() / 150) {
    try {
      parse_sentencepiece(good.substr(0, length), "spiece.model", {})->encode("the polar bear", true);
    } catch (const InputError&) {
    }
  }
}

TEST(BadSentencepiece, ValueBehindTheReplacements) {
  // Found by fuzzing: a step with a value leads to a unit that is none, and libsentencepiece reads what it
  // says.
  const fs::path file = fs::path(ZT_SOURCE_DIR) / "src/text/damaged/character_map_value.model";
  EXPECT_THROW(load_tokenizer(file), InputError);
}

TEST(BadSentencepiece, CharacterMapThatLeavesItself) {
  std::string good = bytes_of("spiece");
  // Units of the trie, somewhere in the second half of the file, are made to point far away.
  const std::string unit = "\xFF\xFF\xFF\x7F";
  uint32_t state = 7;
  size_t refused = 0;
  for (int round = 0; round < 300; ++round) {
    std::string bad = good;
    state = state * 1664525u + 1013904223u;
    const size_t at = good.size() / 2 + (state >> 8) % (good.size() / 2 - 4);
    bad.replace(at, 4, unit);
    try {
      parse_sentencepiece(bad, "spiece.model", {})->encode("the polar bear \xEF\xAC\x81 \xE2\x91\xA0", true);
    } catch (const InputError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 0u);
}

}  // namespace
}  // namespace zoetrope
