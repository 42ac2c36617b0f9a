// The product of one thread: OpenBLAS, or our own where the engine is built alone.
#pragma once

#include "cpu/gemm.h"

namespace zoetrope {

// gemm_nt (cpu/gemm.h) on the caller's thread.
void one_thread_gemm(const GemmShape& shape, float alpha, const float* a, const float* b, float beta,
                     float* c);

}  // namespace zoetrope
