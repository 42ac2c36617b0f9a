// The gate of a gated feed-forward layer (SwiGLU, gated GELU): act(gate) · up. (Shazeer, 2020)
#pragma once

#include "graph/graph.h"
#include "ops/unary.h"

namespace zoetrope {

struct GatedActivationAttributes final : Attributes {
  UnaryKind kind = UnaryKind::silu;  // silu, gelu, gelu_tanh or relu
  std::string text() const override;
};

const Op& gated_activation_op();

// gate, up (any shape, the same) -> that shape.
Tensor gated_activation(Tensor gate, Tensor up, UnaryKind kind);

}  // namespace zoetrope
