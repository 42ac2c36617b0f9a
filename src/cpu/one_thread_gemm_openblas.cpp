#include <cblas.h>

#include <vector>

#include "cpu/one_thread_gemm.h"

// OpenBLAS's own: a product takes one of these buffers and gives it back. One more is made, and then kept,
// whenever more products than ever before run at once, which may be late in a run.
extern "C" {
void* blas_memory_alloc(int);
void blas_memory_free(void*);
}

namespace zoetrope {

void one_thread_gemm(const GemmShape& s, float alpha, const float* a, const float* b, float beta, float* c) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(s.m), static_cast<int>(s.n),
              static_cast<int>(s.k), alpha, a, static_cast<int>(s.lda), b, static_cast<int>(s.ldb), beta, c,
              static_cast<int>(s.ldc));
}

void take_gemm_memory(int threads) {
  std::vector<void*> buffers(static_cast<size_t>(threads));
  for (void*& buffer : buffers) buffer = blas_memory_alloc(0);
  for (void* buffer : buffers) blas_memory_free(buffer);
}

}  // namespace zoetrope
