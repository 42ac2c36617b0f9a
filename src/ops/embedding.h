// Rows of a table, chosen by number.
#pragma once

#include "graph/graph.h"

namespace zoetrope {

const Op& embedding_op();

// ids (...) int32, table (V, D) -> (..., D). The table may be held in f32, bf16 or f16. Ids are checked where
// they enter a run; one outside [0, V) reads the nearest row, never other memory.
Tensor embedding(Tensor ids, Tensor table);

}  // namespace zoetrope
