// Rotary position embedding: pairs of a head's elements turned by an angle that grows with the position.
// (Su et al., 2021)
#pragma once

#include "graph/graph.h"

namespace zoetrope {

enum class RotaryStyle : uint8_t {
  half,        // element i is paired with i + D/2 (Llama)
  interleaved  // element 2i is paired with 2i + 1 (Wan)
};

struct RotaryAttributes final : Attributes {
  RotaryStyle style = RotaryStyle::half;
  std::string text() const override { return style == RotaryStyle::half ? "half" : "interleaved"; }
};

const Op& rotary_op();

// x (B, L, H, D) with D even; cos, sin (P, D/2) float32 -> (B, L, H, D).
// Row of the tables for token (b, l): positions[b, l] (int32 (B, L) or (1, L)), else l (then P >= L).
// Positions are checked where they enter a run; one outside [0, P) reads the nearest row.
Tensor rotary(Tensor x, Tensor cos, Tensor sin, RotaryStyle style, Tensor positions = {});

}  // namespace zoetrope
