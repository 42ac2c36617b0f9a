// Attention in blocks of keys with an online softmax, for operands of any types and shapes.
#pragma once

#include <cuda_runtime_api.h>

#include "base/tensor.h"

namespace zoetrope::cuda {

constexpr int64_t kMostValueDepth = 512;

// q (B, Lq, Hq, D), k (B, Lk, Hkv, D), v (B, Lk, Hkv, Dv) -> y (B, Lq, Hq, Dv), Dv <= kMostValueDepth.
struct OnlineAttention {
  TensorView q, k, v, y;
  float scale = 1.0f;
  bool causal = false;                // query i sees the keys j <= position + i, and later ones are not read
  const int32_t* position = nullptr;  // on the device; null: 0
  const int32_t* mask = nullptr;      // (B, Lk): 0 where a key may not be seen; null: all may
  const float* bias = nullptr;        // as make_bias_line() makes it; null: none
};
void online_attention(cudaStream_t stream, const OnlineAttention& attention);

}  // namespace zoetrope::cuda
