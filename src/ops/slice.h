// A range along one axis.
#pragma once

#include "graph/graph.h"

namespace zoetrope {

struct SliceAttributes final : Attributes {
  int axis = 0;
  int64_t start = 0;
  int64_t length = 0;
  std::string text() const override;
};

const Op& slice_op();

// x (..., N, ...) -> (..., length, ...): elements [start, start + length) of `axis` (negative: from the end).
// A view of x where every axis before it has one element, else a copy.
Tensor slice(Tensor x, int axis, int64_t start, int64_t length);

}  // namespace zoetrope
