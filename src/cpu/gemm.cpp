#include "cpu/gemm.h"

#include <cblas.h>

#include <algorithm>

namespace zoetrope {

void gemm_nt(const GemmShape& s, float alpha, const float* a, const float* b, float beta, float* c) {
  if (s.m == 0 || s.n == 0) return;
  if (s.m == 1) {  // a product with one row is a matrix times a vector: bound by reading B once
    cblas_sgemv(CblasRowMajor, CblasNoTrans, static_cast<int>(s.n), static_cast<int>(s.k), alpha, b,
                static_cast<int>(s.ldb), a, 1, beta, c, 1);
    return;
  }
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(s.m), static_cast<int>(s.n),
              static_cast<int>(s.k), alpha, a, static_cast<int>(s.lda), b, static_cast<int>(s.ldb), beta, c,
              static_cast<int>(s.ldc));
}

void gemm_nn(const GemmShape& s, float alpha, const float* a, const float* b, float beta, float* c) {
  if (s.m == 0 || s.n == 0) return;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(s.m), static_cast<int>(s.n),
              static_cast<int>(s.k), alpha, a, static_cast<int>(s.lda), b, static_cast<int>(s.ldb), beta, c,
              static_cast<int>(s.ldc));
}

int64_t widen_block_rows(int64_t rows, int64_t columns) {
  constexpr int64_t kBlockElements = 256 * 1024;  // 1 MiB of float32
  return std::clamp<int64_t>(kBlockElements / std::max<int64_t>(columns, 1), 16, std::max<int64_t>(rows, 1));
}

}  // namespace zoetrope
