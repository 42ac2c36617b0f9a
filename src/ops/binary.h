// Elementwise functions of two tensors, shapes broadcast as NumPy does.
#pragma once

#include "graph/graph.h"

namespace zoetrope {

enum class BinaryKind : uint8_t { add, subtract, multiply, minimum, maximum };

struct BinaryAttributes final : Attributes {
  BinaryKind kind = BinaryKind::add;
  std::string text() const override;
};

const Op& binary_op();

// a, b float32; axes are matched from the last one, an axis of one element is repeated.
Tensor add(Tensor a, Tensor b);
Tensor subtract(Tensor a, Tensor b);
Tensor multiply(Tensor a, Tensor b);
Tensor minimum(Tensor a, Tensor b);  // NaN where either is NaN
Tensor maximum(Tensor a, Tensor b);
Tensor binary(BinaryKind kind, Tensor a, Tensor b);

}  // namespace zoetrope
