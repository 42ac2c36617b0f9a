// Euler steps of a flow: sample += (next sigma - sigma) * velocity. No history.
#pragma once

#include <vector>

#include "sampling/schedule.h"
#include "sampling/step_combination.h"

namespace zoetrope {

std::vector<StepCombination> euler_steps(const Schedule& schedule);  // (steps)

}  // namespace zoetrope
