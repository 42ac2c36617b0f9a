// Every pixel repeated in a square.
#pragma once

#include "graph/graph.h"

namespace zoetrope {

struct UpsampleNearestAttributes final : Attributes {
  int64_t factor_h = 2, factor_w = 2;
  std::string text() const override;
};

const Op& upsample_nearest_op();

// x (B, T, H, W, C) -> (B, T, H·factor_h, W·factor_w, C).
Tensor upsample_nearest(Tensor x, int64_t factor_h = 2, int64_t factor_w = 2);

}  // namespace zoetrope
