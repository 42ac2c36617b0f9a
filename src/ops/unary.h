// Elementwise functions of one tensor.
#pragma once

#include "graph/graph.h"

namespace zoetrope {

enum class UnaryKind : uint8_t {
  silu,
  gelu,
  gelu_tanh,
  relu,
  tanh,
  sigmoid,
  exp,
  neg,
  scale,
  clamp,
  identity
};

std::string_view name_of(UnaryKind kind);
// Whether a fused op may hold it: silu, gelu, gelu_tanh, relu.
constexpr bool is_activation(UnaryKind kind) { return kind <= UnaryKind::relu; }

struct UnaryAttributes final : Attributes {
  UnaryKind kind = UnaryKind::identity;
  float a = 0;  // scale: the factor. clamp: the lower bound
  float b = 0;  // clamp: the upper bound
  std::string text() const override;
};

const Op& unary_op();

// x (any shape) -> the same shape. gelu is the exact one (erf), gelu_tanh its tanh approximation.
Tensor silu(Tensor x);
Tensor gelu(Tensor x);
Tensor gelu_tanh(Tensor x);
Tensor relu(Tensor x);
Tensor scaled(Tensor x, float factor);
Tensor clamped(Tensor x, float low, float high);
Tensor unary(UnaryKind kind, Tensor x);

}  // namespace zoetrope
