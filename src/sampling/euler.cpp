#include "sampling/euler.h"

namespace zoetrope {

std::vector<StepCombination> euler_steps(const Schedule& schedule) {
  std::vector<StepCombination> out;
  for (size_t i = 0; i + 1 < schedule.sigmas.size(); ++i) {
    const float difference = schedule.sigmas[i + 1] - schedule.sigmas[i];  // in float32, as the reference
    out.push_back({{1, difference}, {}});
  }
  return out;
}

}  // namespace zoetrope
