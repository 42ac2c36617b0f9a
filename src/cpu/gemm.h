// Float32 matrix products on all threads.
#pragma once

#include <cstdint>

#include "base/tensor.h"

namespace zoetrope {

// C (m, n) = alpha A (m, k) Bᵀ + beta C, B (n, k); rows of A, B, C lie lda, ldb, ldc elements apart.
struct GemmShape {
  int64_t m, n, k;
  int64_t lda, ldb, ldc;
};
void gemm_nt(const GemmShape& shape, float alpha, const float* a, const float* b, float beta, float* c);

// Rows of a weight that are widened at a time, so that the block stays in the cache.
int64_t widen_block_rows(int64_t rows, int64_t columns);

}  // namespace zoetrope
