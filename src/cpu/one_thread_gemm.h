// The product of one thread: OpenBLAS, or our own where the engine is built alone.
#pragma once

#include "cpu/gemm.h"

namespace zoetrope {

// gemm_nt (cpu/gemm.h) on the caller's thread.
void one_thread_gemm(const GemmShape& shape, float alpha, const float* a, const float* b, float beta,
                     float* c);

// What a library holds for each of `threads` at work at a time, taken now: a product takes no memory later.
void take_gemm_memory(int threads);

}  // namespace zoetrope
