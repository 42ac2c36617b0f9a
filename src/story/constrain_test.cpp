#include "story/constrain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <set>

#include "base/error.h"
#include "story/storyboard.h"
#include "text/unicode.h"

namespace zoetrope {
namespace {

using Random = std::mt19937_64;

std::vector<std::string> with_end(std::vector<std::string> tokens) {
  tokens.insert(tokens.begin(), "");  // id 0 is a special token
  return tokens;
}

std::vector<std::string> single_bytes(int first, int last) {
  std::vector<std::string> out;
  for (int byte = first; byte <= last; ++byte) out.push_back(std::string(1, static_cast<char>(byte)));
  return out;
}

// Like a byte-level BPE: all bytes, and pieces of what storyboards consist of, cut without respect for
// syntax.
std::vector<std::string> byte_level_vocabulary(uint64_t seed, size_t pieces) {
  Random random(seed);
  std::vector<std::string> tokens = single_bytes(0, 255);
  const std::string sample =
      R"({"title":"Der Bär und das Meer","shots":[{"prompt":"A  white bear\\ walks \u00e9 to the left.","negative_prompt":"","narration":"Он идёт… 白熊が歩く 🐻🐻!","seconds":2.5},{"prompt":"aaaa bbbb","negative_prompt":"x","narration":"\"Oh!\" \n said the bear.","seconds":3}]})";
  std::set<std::string> seen(tokens.begin(), tokens.end());
  while (tokens.size() < 256 + pieces) {
    size_t begin = random() % sample.size();
    std::string piece = sample.substr(begin, 2 + random() % 12);
    if (random() % 8 == 0) {  // any bytes at all
      for (char& c : piece) c = static_cast<char>(random());
    }
    if (seen.insert(piece).second) tokens.push_back(piece);
  }
  return with_end(tokens);
}

// Like a Unigram vocabulary without a fallback to bytes: printable ASCII and whole words in several scripts.
std::vector<std::string> whole_character_vocabulary() {
  std::vector<std::string> tokens = single_bytes(0x20, 0x7E);
  for (const char* word : {" the",   " bear",  "ing",    "é",      " ñandú", "白",    "熊",    "歩く",
                           "🐻",      "\u00a0", "\u3000", "\u200b", "{\"",    "\":\"", "\",\"", "title",
                           "prompt", "}]}",    "...",    "    ",   "aaaa",   "\\\"",  "\xC3"})
    tokens.push_back(word);
  return with_end(tokens);
}

using Chooser = std::function<int32_t(const TokenMask&, const TokenTrie&, Random&)>;

std::vector<int32_t> allowed_ids(const TokenMask& mask) {
  std::vector<int32_t> ids;
  for (size_t id = 0; id < mask.size(); ++id)
    if (mask.allows(static_cast<size_t>(id))) ids.push_back(static_cast<int32_t>(id));
  return ids;
}

int32_t uniform(const TokenMask& mask, const TokenTrie&, Random& random) {
  auto ids = allowed_ids(mask);
  return ids.at(random() % ids.size());
}

// A model that always wants tokens by a preference of its own: the largest score wins.
Chooser wants(std::function<double(std::string_view)> score) {
  return [score](const TokenMask& mask, const TokenTrie& trie, Random& random) {
    int32_t best = -1;
    double most = -1e300;
    for (int32_t id : allowed_ids(mask)) {
      double value = score(trie.bytes(id)) + 1e-6 * static_cast<double>(random() % 1000);
      if (value > most) most = value, best = id;
    }
    return best;
  };
}

struct Spoken {
  std::string text;
  int64_t tokens = 0;
};

Spoken speak(std::shared_ptr<const TokenTrie> trie, const StoryboardFormat& format, int64_t most_tokens,
             const Chooser& choose, Random& random) {
  StoryboardConstraint constraint(trie, format, most_tokens);
  Spoken run;
  while (!constraint.finished()) {
    TokenMask mask = constraint.allowed(trie->size());
    if (allowed_ids(mask).empty()) throw std::logic_error("no token is allowed after " + constraint.text());
    constraint.advance(choose(mask, *trie, random));
    if (++run.tokens > most_tokens) throw std::logic_error("more tokens than there are");
  }
  run.text = constraint.text();
  return run;
}

// What a reader of the storyboard relies on.
void expect_valid(const Spoken& run, const StoryboardFormat& format) {
  SCOPED_TRACE(run.text);
  Storyboard story;
  ASSERT_NO_THROW(story = parse_storyboard(run.text, "written"));
  ASSERT_EQ(static_cast<int64_t>(story.shots.size()), format.shots);
  EXPECT_GE(story.title.size(), 2u);
  for (const Shot& shot : story.shots) {
    EXPECT_GE(shot.prompt.size(), 8u);
    EXPECT_GE(shot.narration.size(), 6u);
    EXPECT_LE(shot.prompt.size(), format.prompt.most_bytes);
    EXPECT_LE(shot.negative_prompt.size(), format.negative_prompt.most_bytes);
    EXPECT_LE(shot.narration.size(), format.narration.most_bytes);
    EXPECT_GE(shot.seconds, format.least_seconds);
    EXPECT_LE(shot.seconds, format.most_seconds);
    EXPECT_EQ(shot.seconds * 2, std::floor(shot.seconds * 2));
    for (const std::string* text : {&shot.prompt, &shot.negative_prompt, &shot.narration}) {
      EXPECT_EQ(text->find("aaaa"), std::string::npos);
      EXPECT_EQ(text->find("  "), std::string::npos);
      EXPECT_TRUE(text->empty() || (text->front() != ' ' && text->back() != ' '));
      EXPECT_TRUE(
          std::none_of(text->begin(), text->end(), [](char c) { return static_cast<uint8_t>(c) < 0x20; }));
    }
  }
}

TEST(TokenTrie, HoldsEveryTokenOnceInPreorder) {
  TokenTrie trie({"", "ab", "a", "abc", "b", "ab", "\xFF"});
  std::vector<std::string> found;
  std::string path;
  auto nodes = trie.nodes();
  for (size_t i = 0; i < nodes.size(); ++i) {
    path.resize(nodes[i].depth - 1u);
    path += static_cast<char>(nodes[i].byte);
    EXPECT_GT(nodes[i].end, i);
    for (int32_t id : trie.tokens(nodes[i])) {
      EXPECT_EQ(trie.bytes(id), path);
      found.push_back(path);
    }
  }
  EXPECT_THAT(found, testing::ElementsAre("a", "ab", "ab", "abc", "b", "\xFF"));
  EXPECT_TRUE(trie.has_byte('a'));
  EXPECT_FALSE(trie.has_byte('c'));
}

TEST(StoryboardAutomaton, TakesExactlyTheContract) {
  StoryboardFormat format;
  format.shots = 1;
  StoryboardAutomaton automaton(format);
  auto accepts = [&](std::string_view text) {
    auto state = automaton.start();
    for (char c : text)
      if (!automaton.step(state, static_cast<uint8_t>(c))) return false;
    return automaton.finished(state);
  };
  auto story = [](std::string prompt, std::string narration = "It walks on.", std::string seconds = "3",
                  std::string title = "Home") {
    return R"({"title":")" + title + R"(","shots":[{"prompt":")" + prompt +
           R"(","negative_prompt":"","narration":")" + narration + R"(","seconds":)" + seconds + "}]}";
  };
  EXPECT_TRUE(accepts(story("A white bear walks.")));
  EXPECT_TRUE(accepts(story("Ein weißer Bär, 白熊が氷の上を歩く 🐻.")));
  EXPECT_TRUE(accepts(story(R"(He said \"hello\" \\ \/ and \u00e9.)")));
  EXPECT_TRUE(accepts(story("A white bear walks.", "It walks on.", "2.5")));
  for (const char* seconds : {"1.5", "4.5", "2.25", "02", "", "3.", "-3", "30", "3e0"})
    EXPECT_FALSE(accepts(story("A white bear walks.", "It walks on.", seconds))) << seconds;
  for (const char* prompt : {"",
                             " ",
                             "bear",
                             " A white bear",
                             "A white bear ",
                             "A  white bear",
                             "A whiiiite bear",
                             "........",
                             "A white\nbear",
                             R"(A white bear\n)",
                             R"(A white \u0007 bear)",
                             R"(A white \ud83d\udc3b)",
                             R"(A white bear\u0020)",
                             R"(A white \x bear)",
                             "A white \xC0\x80 bear",
                             "A white \xED\xA0\x80 bear",
                             "A white \xF4\x90\x80\x80 bear",
                             "A white \xC2\x85 bear",
                             "A white bear \xE7\x99",
                             "A white \x7F bear",
                             "\u3000\u3000\u3000\u200b\u200b\u200b\u3000\u3000"})
    EXPECT_FALSE(accepts(story(prompt))) << prompt;
  EXPECT_FALSE(accepts(story(std::string(479, 'a') + "b.")));
  EXPECT_FALSE(accepts(story("A white bear walks.") + " "));
  EXPECT_FALSE(accepts(" " + story("A white bear walks.")));
  EXPECT_FALSE(accepts(R"({"title":"Home","shots":[]})"));
}

TEST(StoryboardAutomaton, BoundsTheLengthOfTexts) {
  StoryboardFormat format;
  format.shots = 1;
  StoryboardAutomaton automaton(format);
  auto state = automaton.start();
  for (char c : std::string_view(R"({"title":")"))
    ASSERT_TRUE(automaton.step(state, static_cast<uint8_t>(c)));
  int64_t taken = 0;
  for (auto next = state; automaton.step(next, static_cast<uint8_t>('a' + taken % 26)); state = next) ++taken;
  EXPECT_EQ(taken, format.title.most_bytes);
  EXPECT_TRUE(automaton.step(state, '"'));
}

class AnyModel : public testing::TestWithParam<int> {
 protected:
  static std::shared_ptr<const TokenTrie> vocabulary(int which) {
    return std::make_shared<const TokenTrie>(which == 0   ? byte_level_vocabulary(1, 0)
                                             : which == 1 ? byte_level_vocabulary(2, 400)
                                             : which == 2 ? byte_level_vocabulary(3, 3000)
                                                          : whole_character_vocabulary());
  }
};

TEST_P(AnyModel, RandomLogitsGiveAValidStoryboard) {
  auto trie = vocabulary(GetParam());
  Random random(17 + static_cast<uint64_t>(GetParam()));
  for (int run = 0; run < 500; ++run) {
    StoryboardFormat format;
    format.shots = 1 + static_cast<int64_t>(random() % 12);
    if (run % 3 == 0) format.least_seconds = 0.5, format.most_seconds = 12;
    // From a context that is barely enough to an ample one.
    int64_t room = 60 + format.shots * static_cast<int64_t>(70 + random() % (run % 2 ? 80 : 600));
    if (trie->size() < 1000) room += format.shots * 60;  // literals byte by byte
    expect_valid(speak(trie, format, room, uniform, random), format);
    if (HasFailure()) break;
  }
}

TEST_P(AnyModel, StubbornModelsGiveAValidStoryboard) {
  auto trie = vocabulary(GetParam());
  auto starts = [](std::string_view text, char c) { return !text.empty() && text[0] == c; };
  std::vector<Chooser> models = {
      wants([](std::string_view t) { return static_cast<double>(t.size()); }),
      wants([](std::string_view t) { return -static_cast<double>(t.size()); }),
      wants([&](std::string_view t) { return starts(t, 'a') ? 1.0 : 0.0; }),
      wants([&](std::string_view t) { return starts(t, ' ') ? 1.0 : 0.0; }),
      wants([&](std::string_view t) { return starts(t, '\\') ? 1.0 : 0.0; }),
      wants([&](std::string_view t) { return starts(t, '"') ? 1.0 : 0.0; }),
      wants([&](std::string_view t) { return starts(t, '"') ? -1.0 : 0.0; }),
      wants(
          [](std::string_view t) { return static_cast<double>(static_cast<uint8_t>(t.empty() ? 0 : t[0])); }),
      wants([](std::string_view t) { return t == "u" || t == "\\" ? 2.0
                                            : t == "0"            ? 1.0
                                                                  : 0.0; }),
      wants([](std::string_view t) { return t == "." ? 1.0 : 0.0; }),
  };
  Random random(5);
  for (size_t m = 0; m < models.size(); ++m)
    for (int64_t room : {400, 700, 1500, 6000}) {
      SCOPED_TRACE("model " + std::to_string(m) + ", room " + std::to_string(room));
      StoryboardFormat format;
      format.shots = 3;
      expect_valid(speak(trie, format, room, models[m], random), format);
    }
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, AnyModel, testing::Values(0, 1, 2, 3));

TEST(StoryboardConstraint, EndsWithinTheFewestTokens) {
  // The smallest room that is accepted suffices, for every way of spending it.
  auto trie = std::make_shared<const TokenTrie>(byte_level_vocabulary(3, 3000));
  StoryboardFormat format;
  format.shots = 2;
  int64_t room = 1;
  for (;; ++room) {
    try {
      StoryboardConstraint(trie, format, room);
      break;
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("2 shots take at least"));
    }
  }
  EXPECT_GT(room, 20);
  EXPECT_LT(room, 150);
  Random random(3);
  for (int run = 0; run < 300; ++run) {
    expect_valid(speak(trie, format, room + run % 40, uniform, random), format);
    if (HasFailure()) break;
  }
}

TEST(StoryboardConstraint, EveryPartGetsItsShareOfAShortContext) {
  auto trie = std::make_shared<const TokenTrie>(byte_level_vocabulary(1, 0));
  StoryboardFormat format;
  format.shots = 4;
  Random random(9);
  auto talks = wants([](std::string_view t) { return !t.empty() && t[0] == '"' ? -1.0 : 0.0; });
  Spoken run = speak(trie, format, 1400, talks, random);
  expect_valid(run, format);
  Storyboard story = parse_storyboard(run.text, "written");
  // Bytes are tokens here: no shot starves, and a prompt gets more than a negative prompt.
  for (const Shot& shot : story.shots) {
    EXPECT_GT(shot.prompt.size(), 35u);
    EXPECT_GT(shot.narration.size(), 25u);
    EXPECT_GT(shot.prompt.size(), shot.negative_prompt.size());
  }
}

TEST(StoryboardConstraint, NothingFollowsTheStoryboard) {
  auto trie = std::make_shared<const TokenTrie>(byte_level_vocabulary(2, 400));
  StoryboardFormat format;
  format.shots = 1;
  StoryboardConstraint constraint(trie, format, 1000);
  for (
      char c : std::string_view(
          R"({"title":"Home","shots":[{"prompt":"A white bear.","negative_prompt":"","narration":"It walks.","seconds":2}]})")) {
    ASSERT_FALSE(constraint.finished());
    TokenMask mask = constraint.allowed(trie->size());
    int32_t id = 1 + static_cast<int32_t>(static_cast<uint8_t>(c));
    ASSERT_TRUE(mask.allows(static_cast<size_t>(id))) << c;
    constraint.advance(id);
  }
  EXPECT_TRUE(constraint.finished());
  EXPECT_TRUE(allowed_ids(constraint.allowed(trie->size())).empty());
  EXPECT_THROW(constraint.advance(5), InternalError);
  EXPECT_EQ(constraint.progress(), 1.0);
}

TEST(StoryboardConstraint, TheMaskIsWhatTheAutomatonSays) {
  auto trie = std::make_shared<const TokenTrie>(byte_level_vocabulary(3, 3000));
  StoryboardFormat format;
  StoryboardAutomaton automaton(format);
  Random random(21);
  for (int run = 0; run < 30; ++run) {
    StoryboardConstraint constraint(trie, format, 100000);
    while (true) {
      TokenMask mask = constraint.allowed(trie->size());
      auto before = automaton.start();
      for (char c : constraint.text()) ASSERT_TRUE(automaton.step(before, static_cast<uint8_t>(c)));
      if (automaton.finished(before)) break;
      int64_t refused = 0;
      for (int32_t id = 1; id < trie->size(); ++id) {
        auto state = before;
        bool takes = true;
        for (char c : trie->bytes(id)) takes = takes && automaton.step(state, static_cast<uint8_t>(c));
        ASSERT_TRUE(takes || !mask.allows(static_cast<size_t>(id)))
            << constraint.text() << " + " << trie->bytes(id);
        refused += takes && !mask.allows(static_cast<size_t>(id));
      }
      ASSERT_LE(refused, 8) << constraint.text();  // loops alone
      constraint.advance(uniform(mask, *trie, random));
    }
  }
}

TEST(StoryboardConstraint, ForbidsLoops) {
  std::vector<std::string> tokens = byte_level_vocabulary(2, 0);
  auto ha = static_cast<int32_t>(tokens.size());
  tokens.push_back("ha");
  tokens.push_back(" he");
  auto trie = std::make_shared<const TokenTrie>(tokens);
  StoryboardConstraint constraint(trie, StoryboardFormat{}, 3000);
  for (char c : std::string_view(R"({"title":")"))
    constraint.advance(1 + static_cast<int32_t>(static_cast<uint8_t>(c)));
  constraint.advance(ha);
  constraint.advance(ha + 1);
  constraint.advance(ha);
  constraint.advance(ha + 1);
  constraint.advance(ha);
  TokenMask mask = constraint.allowed(trie->size());
  EXPECT_FALSE(mask.allows(static_cast<size_t>(ha) + 1));
  EXPECT_TRUE(mask.allows(static_cast<size_t>(ha)));
}

TEST(StoryboardConstraint, RefusesAVocabularyThatCannotSpellJson) {
  auto tokens = single_bytes(0x20, 0x7E);
  tokens.erase(std::find(tokens.begin(), tokens.end(), "{"));
  auto trie = std::make_shared<const TokenTrie>(with_end(tokens));
  EXPECT_THROW(
      {
        try {
          StoryboardConstraint(trie, StoryboardFormat{}, 3000);
        } catch (const InputError& error) {
          EXPECT_THAT(error.what(), testing::HasSubstr("{"));
          throw;
        }
      },
      InputError);
}

}  // namespace
}  // namespace zoetrope
