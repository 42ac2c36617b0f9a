// Tensors one after the other along an axis.
#pragma once

#include "graph/graph.h"

namespace zoetrope {

struct ConcatAttributes final : Attributes {
  int axis = 0;
  std::string text() const override;
};

const Op& concat_op();

// Parts of one type whose shapes differ in `axis` alone (negative: from the end) -> their union.
Tensor concat(const std::vector<Tensor>& parts, int axis);

}  // namespace zoetrope
