// Zeros before and after along one axis.
#pragma once

#include "graph/graph.h"

namespace zoetrope {

struct PadAttributes final : Attributes {
  int axis = 0;
  int64_t before = 0, after = 0;
  std::string text() const override;
};

const Op& pad_op();

// x (..., N, ...) -> (..., before + N + after, ...).
Tensor pad(Tensor x, int axis, int64_t before, int64_t after);

}  // namespace zoetrope
