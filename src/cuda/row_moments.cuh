// What a layer norm needs of a row.
#pragma once

#include "cuda/rows.cuh"

namespace zoetrope::cuda {

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
