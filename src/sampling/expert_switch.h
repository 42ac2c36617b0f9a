// Which of a model's two experts answers at a step, and under which guidance.
#pragma once

#include <optional>
#include <vector>

#include "sampling/schedule.h"

namespace zoetrope {

enum class Expert { high, low };  // high noise: "transformer"; low noise: "transformer_2"

struct ExpertRule {
  bool two_experts = false;  // else every step is Expert::high
  std::optional<double>
      boundary_ratio;                  // timesteps >= ratio * num_train_timesteps are the high-noise expert's
  std::optional<int> boundary_step;    // wins over the ratio: the first step of the low-noise expert
  double guidance = 1;                 // the high-noise (or only) expert's scale
  std::optional<double> guidance_low;  // the low-noise expert's; as `guidance` where it is not given
};

// Guided output = uncond + guidance * (cond - uncond). At a scale of exactly 1 that is cond, so the pass
// without prompt is skipped; at every other scale, also below 1, both run. diffusers decides by the first
// expert's scale alone, for both experts and by "> 1"; here each expert is decided by its own.
struct ExpertStep {
  Expert expert = Expert::high;
  double guidance = 1;
  bool needs_uncond = false;
};

// One entry per step. Throws UsageError where two experts have neither boundary, a boundary lies outside 0
// ... 1 or 0 ... steps, or a guidance is not finite.
std::vector<ExpertStep> expert_steps(const Schedule& schedule, const ExpertRule& rule);

}  // namespace zoetrope
