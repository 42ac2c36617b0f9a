// The mean along one axis.
#pragma once

#include "graph/graph.h"

namespace zoetrope {

struct MeanAttributes final : Attributes {
  int axis = 0;
  bool keep_axis = false;  // as an axis of one element
  std::string text() const override;
};

const Op& mean_op();

// x (..., N, ...) -> (..., ...) or, with keep_axis, (..., 1, ...). Summed in double precision.
Tensor mean(Tensor x, int axis, bool keep_axis = false);

}  // namespace zoetrope
