// Rows that a timestep brings to the tokens: (B, L, D), or one row for all tokens or all batches.
#pragma once

#include "graph/graph.h"

namespace zoetrope {

// Whether `row` is (B, L, D), (B, 1, D) or (1, 1, D) for x (B, L, D).
inline bool is_row_for(const Shape& row, const Shape& x) {
  return row.rank() == 3 && x.rank() == 3 && row[2] == x[2] && (row[1] == x[1] || row[1] == 1) &&
         (row[0] == x[0] || (row[0] == 1 && row[1] == 1));
}

// Where the row of token (b, l) starts.
struct RowPlace {
  RowPlace(const Shape& row, const Shape& x)
      : per_batch(row[0] == x[0] ? row[1] * row[2] : 0), per_token(row[1] == x[1] ? row[2] : 0) {}
  int64_t at(int64_t b, int64_t l) const { return b * per_batch + l * per_token; }
  int64_t per_batch, per_token;
};

}  // namespace zoetrope
