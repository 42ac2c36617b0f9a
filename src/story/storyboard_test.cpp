#include "story/storyboard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <random>

#include "base/error.h"

namespace zoetrope {
namespace {

using testing::HasSubstr;

std::string error_of(const std::string& text) {
  try {
    parse_storyboard(text, "story.json");
  } catch (const InputError& error) {
    EXPECT_LT(std::string_view(error.what()).size(), 4000u);
    return error.what();
  }
  return "";
}

std::string with_shot(const std::string& members) {
  return R"({"shots":[{"prompt":"A bear."},{)" + members + "}]}";
}

TEST(Storyboard, ReadsAllFieldsAndDefaults) {
  Storyboard story = parse_storyboard(R"({"title":"Home","idea":"a bear","language":"pt-BR","seed":7,"shots":[
      {"prompt":"A bear.","negative_prompt":"blurry","narration":"It walks.","seconds":2.5,"seed":9223372036854775807},
      {"prompt":"A\nfox."}]})",
                                      "story.json");
  EXPECT_EQ(story.title, "Home");
  EXPECT_EQ(story.idea, "a bear");
  EXPECT_EQ(story.language, "pt-BR");
  EXPECT_EQ(story.seed, 7u);
  ASSERT_EQ(story.shots.size(), 2u);
  EXPECT_EQ(story.shots[0].negative_prompt, "blurry");
  EXPECT_EQ(story.shots[0].seconds, 2.5);
  EXPECT_EQ(story.shots[0].seed, 9223372036854775807u);
  EXPECT_EQ(story.shots[1], (Shot{.prompt = "A\nfox."}));
  EXPECT_EQ(story.shots[1].seconds, 3.0);
}

TEST(Storyboard, RoundTripIsStable) {
  std::mt19937_64 random(3);
  for (int run = 0; run < 200; ++run) {
    Storyboard story;
    story.title = run % 2 ? "Der \"Bär\" \\ 白熊 🐻" : "";
    if (run % 3) story.idea = "an idea / with \t tabs";
    if (run % 5) story.seed = random() & kMostSeed;
    for (size_t i = 0; i <= random() % 5; ++i) {
      Shot shot{.prompt = "a bear\nwalks é",
                .negative_prompt = run % 7 ? "blurry" : "",
                .narration = "It's \"here\"."};
      shot.seconds = 0.5 + std::uniform_real_distribution<double>(0, 59)(random);
      if (random() % 2) shot.seed = random() & kMostSeed;
      story.shots.push_back(shot);
    }
    std::string text = to_json(story).dump(2);
    Storyboard again = parse_storyboard(text, "again");
    EXPECT_EQ(again, story);
    EXPECT_EQ(to_json(again).dump(2), text);
  }
}

TEST(Storyboard, WritesAFileThatItReads) {
  fs::path path = fs::temp_directory_path() / "zoetrope_storyboard_test.json";
  Storyboard story{.title = "T", .shots = {{.prompt = "A bear."}}};
  write_storyboard_file(path, story);
  EXPECT_EQ(read_storyboard_file(path), story);
  story.shots[0].seconds = 99;
  EXPECT_THROW(write_storyboard_file(path, story), InputError);
  EXPECT_EQ(read_storyboard_file(path).shots[0].seconds, 3.0);  // the old file is whole
  fs::remove(path);
  EXPECT_THROW(read_storyboard_file(path), InputError);
}

TEST(Storyboard, SaysFileFieldAndRemedy) {
  struct Case {
    std::string text, field, fact;
  };
  const Case cases[] = {
      {"", "story.json", "JSON"},
      {"[]", "story.json", "object"},
      {"{}", "shots", ""},
      {R"({"shots":[]})", "shots", "1 to 64"},
      {R"({"shots":{}})", "shots", "array"},
      {R"({"shots":[3]})", "shots[0]", "object"},
      {R"({"titel":"x","shots":[{"prompt":"A bear."}]})", "titel", "did you mean 'title'?"},
      {R"({"title":5,"shots":[{"prompt":"A bear."}]})", "title", "string"},
      {R"({"title":"a\nb","shots":[{"prompt":"A bear."}]})", "title", "U+000A"},
      {R"({"language":"en us","shots":[{"prompt":"A bear."}]})", "language", "language tag"},
      {R"({"language":"","shots":[{"prompt":"A bear."}]})", "language", "language tag"},
      {R"({"seed":-1,"shots":[{"prompt":"A bear."}]})", "seed", "not negative"},
      {R"({"seed":1.5,"shots":[{"prompt":"A bear."}]})", "seed", "whole number"},
      {R"({"seed":18446744073709551615,"shots":[{"prompt":"A bear."}]})", "seed", "whole number"},
      {R"({"seed":1e300,"shots":[{"prompt":"A bear."}]})", "seed", "whole number"},
      {with_shot(""), "shots[1]", "prompt"},
      {with_shot(R"("prompt":" \t\n ")"), "shots[1].prompt", "blank"},
      {with_shot(R"("prompt":"​")"), "shots[1].prompt", "blank"},
      {with_shot(R"("prompt":"a\u0007b")"), "shots[1].prompt", "U+0007"},
      {with_shot(R"("prompt":"a\u0000b")"), "shots[1].prompt", "U+0000"},
      {with_shot(R"("prompt":")" + std::string(4001, 'a') + "\""), "shots[1].prompt", "4001"},
      {with_shot(R"("prompt":"a","narration":")" + std::string(4001, 'a') + "\""), "shots[1].narration",
       "4001"},
      {with_shot(R"("prompt":"a","seconds":0)"), "shots[1].seconds", "0.5 to 60"},
      {with_shot(R"("prompt":"a","seconds":60.01)"), "shots[1].seconds", "0.5 to 60"},
      {with_shot(R"("prompt":"a","seconds":1e999)"), "story.json", ""},
      {with_shot(R"("prompt":"a","seconds":"3")"), "shots[1].seconds", "number"},
      {with_shot(R"("prompt":"a","secs":3)"), "shots[1]", "unknown field 'secs'"},
      {with_shot(R"("prompt":"a","negative_promt":"b")"), "shots[1]", "did you mean 'negative_prompt'?"},
      {with_shot(R"("prompt":"a","prompt":"b")"), "story.json", "twice"},
      {"{\"title\":\"\xFF\",\"shots\":[{\"prompt\":\"a\"}]}", "story.json", ""},
      {R"({"shots":[{"prompt":"a"}]} x)", "story.json", ""},
      {std::string(100000, '['), "story.json", ""},
  };
  for (const Case& one : cases) {
    std::string message = error_of(one.text);
    EXPECT_THAT(message, HasSubstr("story.json")) << one.text.substr(0, 200);
    EXPECT_THAT(message, HasSubstr(one.field)) << one.text.substr(0, 200);
    EXPECT_THAT(message, HasSubstr(one.fact)) << one.text.substr(0, 200);
  }
}

TEST(Storyboard, RefusesTooManyShotsAndTooLargeAFile) {
  std::string shots;
  for (int i = 0; i < 65; ++i) shots += std::string(i ? "," : "") + R"({"prompt":"a"})";
  EXPECT_THAT(error_of(R"({"shots":[)" + shots + "]}"), HasSubstr("1 to 64 shots, not 65"));
  EXPECT_THAT(error_of(std::string(kMostStoryboardBytes + 1, ' ')), HasSubstr("at most"));
}

TEST(Storyboard, HostileNamesAreEscaped) {
  std::string message =
      error_of("{\"\\u001b[31m" + std::string(100000, 'x') + "\":1,\"shots\":[{\"prompt\":\"a\"}]}");
  EXPECT_THAT(message, HasSubstr("unknown field"));
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
}

TEST(Storyboard, ChecksABuiltOne) {
  Storyboard story{.title = "T", .shots = {{.prompt = "A bear."}}};
  EXPECT_NO_THROW(check_storyboard(story, "built"));
  story.shots[0].seconds = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(check_storyboard(story, "built"), InputError);
  story.shots[0].seconds = 3;
  story.shots[0].prompt = "\xC3";
  EXPECT_THROW(check_storyboard(story, "built"), InputError);
  story.shots[0].prompt = "a";
  story.seed = UINT64_MAX;
  EXPECT_THROW(check_storyboard(story, "built"), InputError);
}

TEST(CleanIdea, IsOneLineOrAnError) {
  EXPECT_EQ(clean_idea("  A bear\n\n walks\t on\x01.\u00a0 "), "A bear walks on .");
  EXPECT_EQ(clean_idea("白熊"), "白熊");
  EXPECT_EQ(clean_idea(std::string(8000, 'a')).size(), 8000u);
  for (const std::string& bad : {std::string(), std::string(" \n\t "), std::string("\u3000\u200b"),
                                 std::string("\0", 1), std::string("a\xFF"), std::string("\xED\xA0\x80"),
                                 std::string(8001, 'a'), std::string(100000, 'a')}) {
    try {
      clean_idea(bad);
      ADD_FAILURE() << bad.substr(0, 20);
    } catch (const InputError& error) {
      EXPECT_EQ(error.exit_code(), 3);
      EXPECT_THAT(error.what(), HasSubstr("the idea"));
    }
  }
}

}  // namespace
}  // namespace zoetrope
