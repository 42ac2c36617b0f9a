// The same elements, in the same order, under another shape: a view, no step of a run.
#pragma once

#include "graph/graph.h"

namespace zoetrope {

struct ReshapeAttributes final : Attributes {
  Shape shape;
  std::string text() const override { return shape.text(); }
};

const Op& reshape_op();

// x (any shape) -> shape, which has as many elements.
Tensor reshape(Tensor x, const Shape& shape);

}  // namespace zoetrope
