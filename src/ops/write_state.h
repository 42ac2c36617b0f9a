// Writes rows into a state: new keys and values into a cache.
#pragma once

#include "graph/graph.h"

namespace zoetrope {

struct WriteStateAttributes final : Attributes {
  int axis = 0;
  int64_t start = 0;
  std::string text() const override;
};

const Op& write_state_op();

// state (..., N, ...), value (..., n, ...), alike but for `axis`; position int32 (1) or absent:
// state[..., start + position + i, ...] = value[..., i, ...]. Rows that would lie outside the state are left
// out (positions are checked where they enter a run). Has no result: nodes that read the state afterwards see
// the new rows.
void write_state(Tensor state, Tensor value, int axis, int64_t start = 0, Tensor position = {});

}  // namespace zoetrope
