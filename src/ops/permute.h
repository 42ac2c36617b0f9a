// Axes in another order, as a dense copy.
#pragma once

#include "graph/graph.h"

namespace zoetrope {

struct PermuteAttributes final : Attributes {
  std::vector<int> axes;  // axis i of the result is axis axes[i] of x
  std::string text() const override;
};

const Op& permute_op();

// x -> y with y.shape[i] = x.shape[axes[i]]. A view where only axes of one element change their place.
Tensor permute(Tensor x, const std::vector<int>& axes);

}  // namespace zoetrope
