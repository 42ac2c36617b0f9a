#include "sampling/expert_switch.h"

#include <cmath>
#include <string>

#include "base/error.h"

namespace zoetrope {
namespace {

void check(const Schedule& schedule, const ExpertRule& rule) {
  if (!std::isfinite(rule.guidance)) throw UsageError("the guidance should be a finite number", "--guidance");
  if (rule.guidance_low && !std::isfinite(*rule.guidance_low))
    throw UsageError("the guidance should be a finite number", "--guidance-low");
  if (rule.boundary_ratio && !(*rule.boundary_ratio >= 0 && *rule.boundary_ratio <= 1))
    throw UsageError("the boundary should be a number from 0 to 1", "--boundary");
  if (rule.boundary_step && (*rule.boundary_step < 0 || *rule.boundary_step > schedule.steps()))
    throw UsageError(
        "the boundary step should be from 0 to the number of steps, " + std::to_string(schedule.steps()),
        "--boundary-step");
  if (rule.two_experts && !rule.boundary_ratio && !rule.boundary_step)
    throw UsageError("the model has two experts, but nothing says where one hands over to the other",
                     "boundary_ratio", "give --boundary, 0.875 for text to video or 0.9 for image to video");
}

}  // namespace

std::vector<ExpertStep> expert_steps(const Schedule& schedule, const ExpertRule& rule) {
  check(schedule, rule);
  std::vector<ExpertStep> out;
  for (int i = 0; i < schedule.steps(); ++i) {
    bool high = true;
    if (rule.two_experts && rule.boundary_step) {
      high = i < *rule.boundary_step;
    } else if (rule.two_experts) {
      // In float32, as the reference compares them.
      const auto boundary = static_cast<float>(*rule.boundary_ratio * schedule.num_train_timesteps);
      high = static_cast<float>(schedule.timesteps[static_cast<size_t>(i)]) >= boundary;
    }
    const double guidance = high ? rule.guidance : rule.guidance_low.value_or(rule.guidance);
    out.push_back({high ? Expert::high : Expert::low, guidance, guidance != 1});
  }
  return out;
}

}  // namespace zoetrope
