// Every element along an axis `times` times in a row: (a, b) -> (a, a, b, b).
#pragma once

#include "graph/graph.h"

namespace zoetrope {

struct RepeatAttributes final : Attributes {
  int axis = 0;
  int64_t times = 1;
  std::string text() const override;
};

const Op& repeat_op();

// x (..., N, ...) -> (..., N·times, ...).
Tensor repeat(Tensor x, int axis, int64_t times);

}  // namespace zoetrope
