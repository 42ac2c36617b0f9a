// UniPC, a predictor-corrector of many steps: W. Zhao, L. Bai, Y. Rao, J. Zhou, J. Lu, "UniPC: A Unified
// Predictor-Corrector Framework for Fast Sampling of Diffusion Models" (2023),
// https://arxiv.org/abs/2302.04867, with B(h) = e^h - 1 ("bh2") on predictions of the clean sample, as in
// diffusers' UniPCMultistepScheduler.
#pragma once

#include <vector>

#include "sampling/schedule.h"
#include "sampling/step_combination.h"

namespace zoetrope {

// History: slot 0 holds the sample that the last step started from (corrected), slots 1 ... order the last
// predictions of the clean sample, the one of step i in slot 1 + i % order.
std::vector<StepCombination> unipc_steps(const Schedule& schedule, const SchedulerConfig& config);  // (steps)

// The steps of the sampler that the config names.
std::vector<StepCombination> sampler_steps(const Schedule& schedule, const SchedulerConfig& config);

}  // namespace zoetrope
