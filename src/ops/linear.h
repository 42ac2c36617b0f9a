// Matrix product with a weight as PyTorch stores it: y = x Wᵀ (+ bias) (+ residual).
#pragma once

#include "graph/graph.h"

namespace zoetrope {

struct LinearAttributes final : Attributes {
  float scale = 1.0f;  // of the product, before bias and residual (a LoRA's strength)
  std::string text() const override;
};

const Op& linear_op();

// x (..., K), weight (N, K), bias (N) or absent, residual (..., N) or absent -> (..., N).
// The weight may be held in f32, bf16 or f16; it is widened block by block. Accumulation in float32.
Tensor linear(Tensor x, Tensor weight, Tensor bias = {}, Tensor residual = {}, float scale = 1.0f);

}  // namespace zoetrope
