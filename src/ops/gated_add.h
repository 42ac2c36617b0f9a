// A residual with a gate: x + y · gate.
#pragma once

#include "graph/graph.h"

namespace zoetrope {

const Op& gated_add_op();

// x, y (B, L, D); gate (B, 1, D), (B, L, D) or (1, 1, D) -> (B, L, D).
Tensor gated_add(Tensor x, Tensor y, Tensor gate);

}  // namespace zoetrope
