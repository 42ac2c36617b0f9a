// Adaptive norm's modulation: x · (1 + scale) + shift, with rows from the timestep. (Peebles and Xie, 2023)
#pragma once

#include "graph/graph.h"

namespace zoetrope {

const Op& modulate_op();

// x (B, L, D); scale and shift (B, 1, D), (B, L, D) or (1, 1, D) -> (B, L, D).
Tensor modulate(Tensor x, Tensor scale, Tensor shift);

}  // namespace zoetrope
