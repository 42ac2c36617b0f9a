// The writer that ships with the project, through the code that runs any other: every idea gives a
// storyboard, and the ideas that the demo is about give the right one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "cpu/cpu_device.h"
#include "pipeline/component.h"
#include "story/session_model.h"
#include "story/writer.h"
#include "text/tokenizer.h"

namespace zoetrope {
namespace {

using testing::HasSubstr;

class DemoWriter : public testing::Test {
 protected:
  Storyboard write(std::string_view idea, int64_t shots, uint64_t seed) {
    WriterOptions options;
    options.shots = shots;
    options.seed = seed;
    SessionModel model(component_.language_model(), component_.binding(), *device_,
                       context_for_story(idea, shots));
    return write_storyboard(idea, options, *tokenizer_, model);
  }

 private:
  const fs::path folder_ = fs::path(ZT_SOURCE_DIR) / "assets/demo/writer";
  Component component_{folder_};
  std::unique_ptr<Tokenizer> tokenizer_ = load_tokenizer(folder_);
  std::unique_ptr<Device> device_ = make_cpu_device(1);
};

TEST_F(DemoWriter, TellsTheStoryOfThePolarBearCub) {
  for (uint64_t seed : {0, 1, 2}) {
    for (int64_t shots : {3, 6}) {
      Storyboard story = write("A polar bear cub crosses the ice to find its mother", shots, seed);
      ASSERT_EQ(static_cast<int64_t>(story.shots.size()), shots);
      std::set<std::string> prompts;
      size_t on_ice = 0;
      for (const Shot& shot : story.shots) {
        EXPECT_THAT(shot.prompt, HasSubstr("white polar bear"));
        for (const char* word : {" ice", "snow", "frozen"})
          if (shot.prompt.find(word) != std::string::npos) {
            ++on_ice;
            break;
          }
        EXPECT_GE(shot.seconds, 2.0);
        EXPECT_LE(shot.seconds, 4.0);
        prompts.insert(shot.prompt);
      }
      EXPECT_EQ(prompts.size(), story.shots.size());
      EXPECT_GE(2 * on_ice, story.shots.size());
      EXPECT_THAT(story.shots.back().prompt, HasSubstr("a small white polar bear"));  // both are there
      EXPECT_THAT(story.shots.back().prompt, HasSubstr("big white polar bear"));
    }
  }
}

TEST_F(DemoWriter, KeepsWhatAnIdeaNames) {
  struct Case {
    const char *idea, *who, *colour;
  };
  for (const Case& one : {Case{"A red robot walks through the city at night", "robot", "red"},
                          Case{"a story about a green boat", "boat", "green"},
                          Case{"A yellow butterfly flies over the meadow", "butterfly", "yellow"},
                          Case{"Un chat noir dans la ville", "cat", "black"}}) {
    Storyboard story = write(one.idea, 4, 5);
    for (const Shot& shot : story.shots) {
      EXPECT_THAT(shot.prompt, HasSubstr(one.who)) << one.idea;
      EXPECT_THAT(shot.prompt, HasSubstr(one.colour)) << one.idea;
    }
  }
}

TEST_F(DemoWriter, AnyIdeaGivesAStoryOfSoManyShots) {
  std::string very_long = "A fox";
  while (very_long.size() < 7900) very_long += " and 狐 and many more words";
  const std::string ideas[] = {"?",
                               "🐻",
                               "asdf qwerty",
                               "The stock market crashes",
                               "What is the meaning of life?",
                               "{\"title\":\"x\"}",
                               "<|eot_id|>",
                               "прощай",
                               very_long};
  int64_t shots = 3;
  for (const std::string& idea : ideas) {
    Storyboard story = write(idea, shots, 9);
    EXPECT_EQ(static_cast<int64_t>(story.shots.size()), shots) << idea;
    for (const Shot& shot : story.shots) {
      EXPECT_GE(shot.prompt.size(), 20u);
      EXPECT_GE(shot.narration.size(), 10u);
    }
    shots = shots == 12 ? 3 : shots + 3;
  }
}

TEST_F(DemoWriter, TheSameSeedTellsTheSameStory) {
  Storyboard story = write("A fox on the beach", 5, 3);
  EXPECT_EQ(story, write("A fox on the beach", 5, 3));
  EXPECT_NE(story.shots, write("A fox on the beach", 5, 4).shots);
}

}  // namespace
}  // namespace zoetrope
