#include "media/findings.h"

#include <gmock/gmock.h>

#include "media/media_testing.h"

namespace zoetrope {
namespace {

std::vector<std::string> kinds(const std::vector<Picture>& frames) {
  std::vector<std::string> out;
  for (const Finding& finding : examine_clip(frames)) out.push_back(finding.kind);
  return out;
}

Picture flat(uint8_t r, uint8_t g, uint8_t b) {
  Picture out(64, 48);
  for (size_t i = 0; i < out.rgb.size(); i += 3) out.rgb[i] = r, out.rgb[i + 1] = g, out.rgb[i + 2] = b;
  return out;
}

TEST(Findings, AMovingClipHasNone) {
  std::vector<Picture> frames;
  for (int i = 0; i < 9; ++i) frames.push_back(moving_frame(192, 112, i));
  EXPECT_TRUE(kinds(frames).empty());
  // A small thing that moves little is motion.
  std::vector<Picture> small;
  for (int i = 0; i < 5; ++i) {
    small.push_back(moving_frame(192, 112, 0));
    for (int y = 0; y < 8; ++y)
      for (int x = 0; x < 8; ++x) small.back().row(60 + y)[(100 + 2 * i + x) * 3 + 1] = 255;
  }
  EXPECT_TRUE(kinds(small).empty());
}

TEST(Findings, TellBlackFrozenAndUniform) {
  EXPECT_THAT(kinds({flat(3, 3, 3), flat(0, 0, 0)}), ::testing::ElementsAre("black"));
  EXPECT_THAT(kinds({flat(0, 0, 0), flat(90, 90, 90), flat(200, 10, 10)}), ::testing::ElementsAre("uniform"));
  EXPECT_THAT(kinds({flat(90, 90, 90), flat(90, 90, 90)}), ::testing::ElementsAre("uniform", "frozen"));
  const Picture frame = moving_frame(192, 112, 0);
  EXPECT_THAT(kinds({frame, frame, frame}), ::testing::ElementsAre("frozen"));
  // The grain of a decoder is no motion.
  Picture grain = frame;
  for (size_t i = 0; i < grain.rgb.size(); i += 5) grain.rgb[i] = static_cast<uint8_t>(grain.rgb[i] + 4);
  EXPECT_THAT(kinds({frame, grain}), ::testing::ElementsAre("frozen"));
}

TEST(Findings, CarryTheirNumbers) {
  const std::vector<Finding> findings = examine_clip(std::vector<Picture>{flat(4, 4, 4)});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_NEAR(findings[0].measured, 4, 1e-9);
  EXPECT_EQ(findings[0].threshold, kBlackLuma);
  EXPECT_THAT(findings[0].message, ::testing::HasSubstr("4.0 of 255"));
}

TEST(Findings, OneFrameIsNeverFrozenAndNoneIsNothing) {
  EXPECT_TRUE(kinds({moving_frame(64, 48, 0)}).empty());
  EXPECT_TRUE(kinds({}).empty());
  ClipExaminer examiner;
  examiner.add(flat(1, 2, 3));
  EXPECT_THROW(examiner.add(Picture(2, 2)), InternalError);
}

}  // namespace
}  // namespace zoetrope
