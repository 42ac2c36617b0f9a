// An axis by number, as ops take it: negative numbers count from the last axis.
#pragma once

#include "graph/graph.h"

namespace zoetrope {

// Throws GraphError where the shape has no such axis.
inline int resolve_axis(const Shape& shape, int axis) {
  if (axis < -shape.rank() || axis >= shape.rank())
    throw GraphError("there is no axis " + std::to_string(axis) + " in " + shape.text());
  return axis < 0 ? axis + shape.rank() : axis;
}

// A shape seen from one axis: (outer, extent, inner).
struct AxisSplit {
  int64_t outer, extent, inner;
};
inline AxisSplit split_at(const Shape& shape, int axis) {
  return {shape.elements(0, axis), shape[axis], shape.elements(axis + 1, shape.rank())};
}

}  // namespace zoetrope
