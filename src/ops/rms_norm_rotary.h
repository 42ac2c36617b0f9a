// What queries and keys go through when they are normed over all heads joined: RMS norm over H · d, the split
// into heads, and a turn of neighbouring pairs by the token's angles. (Wan Team, 2025)
#pragma once

#include "graph/graph.h"

namespace zoetrope {

struct RmsNormRotaryAttributes final : Attributes {
  int64_t heads = 1;
  float eps = 1e-6f;
  std::string text() const override;
};

const Op& rms_norm_rotary_op();

// x (B, L, H·d) with d even, weight (H·d) or absent, cos and sin (P, d/2) with P >= L: row l is token l's
// -> (B, L, H, d): rotary(reshape(rms_norm(x))) of the interleaved style, all in float32 between reading x
// and writing the result.
Tensor rms_norm_rotary(Tensor x, Tensor weight, Tensor cos, Tensor sin, int64_t heads, float eps);

}  // namespace zoetrope
