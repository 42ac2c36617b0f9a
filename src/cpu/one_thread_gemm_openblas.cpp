#include <cblas.h>

#include "cpu/one_thread_gemm.h"

namespace zoetrope {

void one_thread_gemm(const GemmShape& s, float alpha, const float* a, const float* b, float beta, float* c) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(s.m), static_cast<int>(s.n),
              static_cast<int>(s.k), alpha, a, static_cast<int>(s.lda), b, static_cast<int>(s.ldb), beta, c,
              static_cast<int>(s.ldc));
}

}  // namespace zoetrope
