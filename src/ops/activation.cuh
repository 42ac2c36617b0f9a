// The activations that fused kernels may hold, in float32.
#pragma once

#include "ops/unary.h"

namespace zoetrope::cuda {

__device__ inline float activate(UnaryKind kind, float x) {
  switch (kind) {
    case UnaryKind::silu:
      return x / (1.0f + expf(-x));
    case UnaryKind::gelu:
      return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f));
    case UnaryKind::gelu_tanh: {
      const float inner = 0.79788456080286536f * (x + 0.044715f * x * x * x);
      return 0.5f * x * (1.0f + tanhf(inner));
    }
    case UnaryKind::relu:
      return isnan(x) ? x : fmaxf(x, 0.0f);
    default:
      return x;
  }
}

}  // namespace zoetrope::cuda
