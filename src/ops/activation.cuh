// The activations that fused kernels may hold, in float32.
#pragma once

#include "ops/unary.h"

namespace zoetrope::cuda {

// x / (1 + exp(-z)) from the chip's own power and reciprocal, each within two roundings, in five
// instructions: beside memory there is time for no more than about ten an element. Where the power overflows,
// the result is 0.
__device__ inline float times_sigmoid(float x, float z) {
  float power, reciprocal;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(z * -1.4426950408889634f));
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(reciprocal) : "f"(1.0f + power));
  return x * reciprocal;
}

__device__ inline float activate(UnaryKind kind, float x) {
  switch (kind) {
    case UnaryKind::silu:
      return times_sigmoid(x, x);
    case UnaryKind::gelu:
      return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f));
    case UnaryKind::gelu_tanh:  // (1 + tanh(z)) / 2 is the sigmoid of 2 z
      return times_sigmoid(x, 1.5957691216057308f * (x + 0.044715f * x * x * x));
    case UnaryKind::relu:
      return isnan(x) ? x : fmaxf(x, 0.0f);
    default:
      return x;
  }
}

}  // namespace zoetrope::cuda
