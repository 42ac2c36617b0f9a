// Layer norm over the last axis: y = (x - mean) / sqrt(variance + eps) · weight + bias. (Ba et al., 2016)
#pragma once

#include "graph/graph.h"

namespace zoetrope {

struct LayerNormAttributes final : Attributes {
  float eps = 1e-5f;
  std::string text() const override;
};

const Op& layer_norm_op();

// x (..., C), weight (C) or absent, bias (C) or absent -> (..., C). Mean and variance in float32 or better.
Tensor layer_norm(Tensor x, Tensor weight, Tensor bias, float eps);

}  // namespace zoetrope
