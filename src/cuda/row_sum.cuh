// Sums over a row, and what a layer norm makes of them.
#pragma once

#include "cuda/rows.cuh"

namespace zoetrope::cuda {

// The sum of `value` over the threads of a row; each gets the same bits. All threads of the block come here,
// with `parts` in shared memory that no other sum of the kernel uses.
__device__ inline float row_sum(float value, float (&parts)[kRowThreads / 32]) {
  const unsigned lanes = blockDim.x;
#pragma unroll
  for (unsigned reach = 16; reach > 0; reach /= 2)
    if (lanes > reach) value += __shfl_xor_sync(~0u, value, reach);
  if (lanes <= 32) return value;
  const unsigned lane = threadIdx.x % 32;
  if (lane == 0) parts[threadIdx.x / 32] = value;
  __syncthreads();
  value = lane < lanes / 32 ? parts[lane] : 0.0f;
#pragma unroll
  for (unsigned reach = 16; reach > 0; reach /= 2) value += __shfl_xor_sync(~0u, value, reach);
  return value;
}

struct Moments {
  float mean;
  float factor;  // 1 / sqrt(variance + eps)
};

// All threads of the block come here, once a kernel.
template <int N, int P>
__device__ inline Moments row_moments(const Row<N, P>& values, int64_t columns, float eps) {
  __shared__ float sums[kRowThreads / 32], squares[kRowThreads / 32];
  const auto count = static_cast<float>(columns);
  float sum = 0, square = 0;
  values.each([&](const Pack<N>& pack, int64_t) {
#pragma unroll
    for (int k = 0; k < N; ++k) sum += pack.v[k];
  });
  const float mean = row_sum(sum, sums) / count;
  values.each([&](const Pack<N>& pack, int64_t) {
#pragma unroll
    for (int k = 0; k < N; ++k) square += (pack.v[k] - mean) * (pack.v[k] - mean);
  });
  const float variance = row_sum(square, squares) / count;
  return {mean, 1.0f / sqrtf(variance + eps)};
}

}  // namespace zoetrope::cuda
