#include "sampling/expert_switch.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"

namespace zoetrope {
namespace {

Schedule schedule_of(std::vector<double> timesteps) {
  Schedule out;
  out.timesteps = std::move(timesteps);
  return out;
}
int high_steps(const std::vector<ExpertStep>& steps) {
  int count = 0;
  for (const ExpertStep& step : steps) count += step.expert == Expert::high;
  return count;
}

TEST(ExpertSwitch, ByRatio) {
  const Schedule schedule = schedule_of({999, 900, 875, 874, 500, 0});
  ExpertRule rule{.two_experts = true, .boundary_ratio = 0.875};
  EXPECT_EQ(high_steps(expert_steps(schedule, rule)), 3);  // 875 itself is the high-noise expert's
  rule.boundary_ratio = 0.9;
  EXPECT_EQ(high_steps(expert_steps(schedule, rule)), 2);
  rule.boundary_ratio = 0;
  EXPECT_EQ(high_steps(expert_steps(schedule, rule)), 6);
  rule.boundary_ratio = 1;
  EXPECT_EQ(high_steps(expert_steps(schedule, rule)), 0);
  rule.two_experts = false;
  EXPECT_EQ(high_steps(expert_steps(schedule, rule)), 6);
  Schedule other = schedule_of({450, 437, 400});
  other.num_train_timesteps = 500;
  EXPECT_EQ(high_steps(expert_steps(other, {.two_experts = true, .boundary_ratio = 0.875})), 1);
}

TEST(ExpertSwitch, ByStep) {
  const Schedule schedule = schedule_of({999, 900, 500, 0});
  ExpertRule rule{.two_experts = true, .boundary_ratio = 0.875};
  for (int boundary = 0; boundary <= 4; ++boundary) {
    rule.boundary_step = boundary;
    EXPECT_EQ(high_steps(expert_steps(schedule, rule)), boundary);
  }
}

TEST(ExpertSwitch, AnExpertOfScaleOneNeedsNoSecondPass) {
  const Schedule schedule = schedule_of({999, 100});
  ExpertRule rule{.two_experts = true, .boundary_ratio = 0.875, .guidance = 5, .guidance_low = 1};
  auto steps = expert_steps(schedule, rule);
  EXPECT_TRUE(steps[0].needs_uncond);
  EXPECT_FALSE(steps[1].needs_uncond);
  EXPECT_EQ(steps[1].guidance, 1);
  rule.guidance = 1;
  rule.guidance_low = 0.5;
  steps = expert_steps(schedule, rule);
  EXPECT_FALSE(steps[0].needs_uncond);
  EXPECT_TRUE(steps[1].needs_uncond);
  rule.guidance = 4;
  rule.guidance_low.reset();
  EXPECT_EQ(expert_steps(schedule, rule)[1].guidance, 4);
}

TEST(ExpertSwitch, RulesThatMakeNoSense) {
  const Schedule schedule = schedule_of({999, 100});
  const ExpertRule rules[] = {{.two_experts = true},
                              {.boundary_ratio = 1.5},
                              {.boundary_ratio = -0.1},
                              {.boundary_step = 3},
                              {.boundary_step = -1},
                              {.guidance = std::numeric_limits<double>::infinity()},
                              {.guidance_low = std::numeric_limits<double>::quiet_NaN()}};
  for (const ExpertRule& rule : rules) EXPECT_THROW(expert_steps(schedule, rule), UsageError);
}

}  // namespace
}  // namespace zoetrope
