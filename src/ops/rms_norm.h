// Root-mean-square norm over the last axis: y = x / sqrt(mean(x²) + eps) · weight. (Zhang and Sennrich, 2019)
#pragma once

#include "graph/graph.h"

namespace zoetrope {

struct RmsNormAttributes final : Attributes {
  float eps = 1e-6f;
  // true: x / max(‖x‖, eps) · sqrt(C) · weight, as the Wan autoencoder norms its channels.
  bool l2 = false;
  bool silu = false;  // the SiLU that follows, fused in
  std::string text() const override;
};

const Op& rms_norm_op();

// x (..., C), weight (C) or absent -> (..., C). Computed in float32.
Tensor rms_norm(Tensor x, Tensor weight, float eps);
// x (..., C), weight (C): the l2 form above, with eps 1e-12, and optionally SiLU on the result.
Tensor l2_norm(Tensor x, Tensor weight, bool with_silu = false);

}  // namespace zoetrope
