#include "media/subtitles.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "media/media_testing.h"
#include "media/plain_text.h"

namespace zoetrope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

void expect_valid(const std::vector<SubtitleCue>& cues) {
  double earliest = 0;
  for (const SubtitleCue& cue : cues) {
    EXPECT_GE(cue.start, earliest);
    EXPECT_GE(cue.end, cue.start + 0.0009);
    earliest = cue.end;
    EXPECT_LE(std::count(cue.text.begin(), cue.text.end(), '\n'), 1);
    size_t begin = 0;
    for (size_t end; begin <= cue.text.size(); begin = end + 1) {
      end = std::min(cue.text.find('\n', begin), cue.text.size());
      const std::string line = cue.text.substr(begin, end - begin);
      EXPECT_FALSE(line.empty());
      EXPECT_LE(columns_of(line), kSubtitleColumns) << line;
    }
  }
}

std::string joined(const std::vector<SubtitleCue>& cues) {
  std::string out;
  for (const SubtitleCue& cue : cues) out += (out.empty() ? "" : " ") + cue.text;
  std::replace(out.begin(), out.end(), '\n', ' ');
  return out;
}

TEST(Sentences, EndWhereTheyEnd) {
  EXPECT_THAT(split_sentences(
                  "The bear ran. It fell! \"Why?\" asked Dr. Fox. J. R. Owl said 3.5 times: no... And so."),
              ElementsAre("The bear ran.", "It fell!", "\"Why?\" asked Dr. Fox.",
                          "J. R. Owl said 3.5 times: no...", "And so."));
  EXPECT_THAT(split_sentences("狐が走る。犬も。"), ElementsAre("狐が走る。", "犬も。"));
  EXPECT_THAT(split_sentences("no end"), ElementsAre("no end"));
  EXPECT_THAT(split_sentences(" \n "), ElementsAre());
}

TEST(PlainText, CountsColumnsAndWrapsWhereItMay) {
  EXPECT_EQ(columns_of("abc"), 3);
  EXPECT_EQ(columns_of("狐"), 2);
  EXPECT_EQ(columns_of("e\xCC\x81"), 1);  // a combining accent
  EXPECT_EQ(one_line(std::string(" a\0\x1b b\r\n\xFF", 9)), "a b \xEF\xBF\xBD");
  EXPECT_THAT(wrap("aa bb cc", 5), ElementsAre("aa bb", "cc"));
  EXPECT_THAT(wrap("aa bb cc", 4), ElementsAre("aa", "bb", "cc"));
  EXPECT_THAT(wrap("abcdefgh", 3), ElementsAre("abc", "def", "gh"));
  EXPECT_THAT(wrap("a bcdefgh", 3), ElementsAre("a", "bcd", "efg", "h"));
  EXPECT_THAT(wrap("狐狐狐狐", 5), ElementsAre("狐狐", "狐狐"));
  EXPECT_THAT(wrap("ab ", 2), ElementsAre("ab"));
  EXPECT_TRUE(wrap("", 5).empty());
}

TEST(Cues, KeepTheTextAndTheLimits) {
  const std::string text =
      "The polar bear cub had never seen so much water, and it wondered, as the sun went down behind the "
      "hills of "
      "ice, whether its mother was still waiting on the other side. It jumped. Then it swam, slowly at "
      "first, and "
      "then faster than any fish in the whole wide northern sea had ever seen a bear swim before.";
  const std::vector<SpokenText> speech = {{1.0, 19.0, text}, {20.0, 21.0, "The end."}};
  const std::vector<SubtitleCue> cues = make_cues(speech);
  expect_valid(cues);
  EXPECT_EQ(joined(cues), text + " The end.");
  EXPECT_GE(cues.size(), 5u);
  EXPECT_EQ(cues.front().start, 1.0);
  EXPECT_EQ(cues[cues.size() - 2].end, 19.0);
  EXPECT_EQ(cues.back(), (SubtitleCue{20.0, 21.0, "The end."}));
  // Time goes by length: no cue of this text is read more than twice as fast as another.
  double slowest = 1e9, fastest = 0;
  for (size_t i = 0; i + 1 < cues.size(); ++i) {
    const double speed = columns_of(cues[i].text) / (cues[i].end - cues[i].start);
    slowest = std::min(slowest, speed);
    fastest = std::max(fastest, speed);
  }
  EXPECT_LT(fastest, 1.2 * slowest);
}

TEST(Cues, SurviveAnything) {
  EXPECT_TRUE(make_cues({}).empty());
  const std::vector<SpokenText> odd = {{0, 0, "no time at all"},
                                       {5, 3, "backwards"},
                                       {4, 6, "overlaps the one before"},
                                       {6, 7, std::string(3000, 'w')},
                                       {7, 8,
                                        "狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐"
                                        "狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐狐"},
                                       {8, 9, "\xFF\xFE\x01\n\n  "},
                                       {9, 10, ""},
                                       {NAN, INFINITY, "not finite"}};
  expect_valid(make_cues(odd));
}

TEST(Subtitles, WriteSrt) {
  const std::vector<SubtitleCue> cues = {{0, 1.5, "Hello\nbear"},
                                         {3661.0017, 3662.9996, "a --> b <i>x</i> {\\an8}"}};
  EXPECT_EQ(to_srt(cues),
            "1\n00:00:00,000 --> 00:00:01,500\nHello\nbear\n\n"
            "2\n01:01:01,002 --> 01:01:03,000\na → b ‹i›x‹/i› (\\an8)\n\n");
  EXPECT_EQ(to_srt({}), "");
}

TEST(Subtitles, WriteWebVtt) {
  const std::vector<SubtitleCue> cues = {{0.25, 1.5, "Fox & <b>bear</b>\n\nwalk --> on"}, {2, 3, " \n "}};
  EXPECT_EQ(to_webvtt(cues),
            "WEBVTT\n\n00:00:00.250 --> 00:00:01.500\nFox &amp; &lt;b&gt;bear&lt;/b&gt;\nwalk --&gt; on\n\n");
}

}  // namespace
}  // namespace zoetrope
