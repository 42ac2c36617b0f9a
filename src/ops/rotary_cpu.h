// Turning a head on the CPU.
#pragma once

#include <cstdint>

namespace zoetrope {

// Elements 2i and 2i + 1 of a head by the angle i < half. y may be x.
void turn_pairs(const float* x, const float* cos, const float* sin, float* y, int64_t half);

}  // namespace zoetrope
