// Tokens, and the rows that a timestep brings to them: (B, L, D), or one row for all tokens or all batches.
#pragma once

#include "cuda/rows.cuh"

namespace zoetrope::cuda {

// x (B, L, D) as B · L rows.
struct Tokens {
  explicit Tokens(const Shape& x) : rows(x[0] * x[1]), per_batch(x[1]), width(x[2]) {}
  int64_t rows, per_batch, width;
};

// The token of this thread, of a launch with a RowLayout.
struct Token {
  __device__ explicit Token(const Tokens& tokens) : row(row_of_thread()), start(row * tokens.width) {
    columns = row < tokens.rows ? tokens.width : 0;
    batch = tokens.per_batch == tokens.rows ? 0 : row / tokens.per_batch;
    place = row - batch * tokens.per_batch;
  }
  int64_t row, start;
  int64_t columns;  // 0 where it is nobody's
  int64_t batch, place;
};

struct RowTable {
  RowTable(const TensorView& row, const Shape& x)
      : values(values_of(row)),
        per_batch(row.shape[0] == x[0] ? row.shape[1] * row.shape[2] : 0),
        per_token(row.shape[1] == x[1] ? row.shape[2] : 0) {}
  __device__ int64_t start(const Token& token) const {
    return token.batch * per_batch + token.place * per_token;
  }
  Values values;
  int64_t per_batch, per_token;
};

}  // namespace zoetrope::cuda
