#include "pipeline/shot_plan.h"

#include <gtest/gtest.h>

namespace zoetrope {
namespace {

TEST(ShotPlan, EveryPlanIsLongEnoughAndAllowed) {
  for (int fps : {8, 16, 24})
    for (int64_t most : {5, 33, 49, 81})
      for (double seconds = 0.5; seconds < 61; seconds += 0.37) {
        const ShotPlan plan = plan_shot(seconds, fps, {.temporal_factor = 4, .most_frames = most});
        EXPECT_EQ((plan.segment_frames - 1) % 4, 0);
        EXPECT_LE(plan.segment_frames, most);
        EXPECT_GE(static_cast<double>(plan.frames()), seconds * fps - 1e-3);
        // One segment fewer would be too short.
        if (plan.segments > 1) {
          EXPECT_LT(static_cast<double>((plan.segments - 1) * (most - 1) + 1), seconds * fps);
        }
      }
}

TEST(ShotPlan, WholeSecondsAreNotRoundedUp) {
  const ShotPlan plan = plan_shot(3.0, 16, {.most_frames = 49});
  EXPECT_EQ(plan.segments, 1);
  EXPECT_EQ(plan.segment_frames, 49);
}

TEST(ShotPlan, AModelThatCannotContinueMakesOneSegment) {
  const ShotPlan plan = plan_shot(10.0, 16, {.most_frames = 49, .can_continue = false});
  EXPECT_EQ(plan.segments, 1);
  EXPECT_GE(plan.frames(), 160);
}

}  // namespace
}  // namespace zoetrope
