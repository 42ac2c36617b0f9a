// Adaptive layer norm in one step: layer norm without weight and bias, then modulation. What the norm gives
// is never in memory. (Peebles and Xie, 2023)
#pragma once

#include "graph/graph.h"

namespace zoetrope {

struct ModulatedNormAttributes final : Attributes {
  float eps = 1e-5f;
  std::string text() const override;
};

const Op& modulated_norm_op();

// x (B, L, D); scale and shift (B, 1, D), (B, L, D) or (1, 1, D) -> layer_norm(x) · (1 + scale) + shift
// (B, L, D), all in float32 between reading x and writing the result.
Tensor modulated_norm(Tensor x, Tensor scale, Tensor shift, float eps);

}  // namespace zoetrope
