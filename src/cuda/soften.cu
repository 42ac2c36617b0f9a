// A row is read twice: for its maximum and the sum under it (Milakov and Gimelshein, 2018), then for the
// weights. The second time it comes from the cache. Up to 1024 keys a warp has a row for itself, else a
// block.
#include "cuda/launch.h"
#include "cuda/soften.h"
#include "cuda/values.cuh"

namespace zoetrope::cuda {
namespace {

constexpr float kLog2E = 1.44269504088896341f;

// A maximum, and the sum of 2^(score - maximum).
struct Peak {
  float highest, sum;
};

__device__ inline Peak join(Peak a, Peak b) {
  const float highest = fmaxf(a.highest, b.highest);
  if (highest == -INFINITY) return {-INFINITY, 0.0f};
  return {highest, a.sum * exp2f(a.highest - highest) + b.sum * exp2f(b.highest - highest)};
}

__device__ inline Peak join_warp(Peak peak) {
#pragma unroll
  for (int reach = 16; reach > 0; reach /= 2)
    peak = join(peak, {__shfl_xor_sync(~0u, peak.highest, reach), __shfl_xor_sync(~0u, peak.sum, reach)});
  return peak;
}

template <bool kWarp>
__global__ void soften_kernel(__grid_constant__ const Scores s, Values weights) {
  __shared__ Peak parts[kThreads / 32];
  const int64_t row = kWarp ? blockIdx.x * int64_t{kThreads / 32} + threadIdx.x / 32 : blockIdx.x;
  const int64_t head = blockIdx.y, first = kWarp ? threadIdx.x % 32 : threadIdx.x;
  constexpr int64_t kStep = kWarp ? 32 : kThreads;
  if (row >= s.rows) return;  // whole warps, and with kWarp only
  const int64_t at = (head * s.rows + row) * s.stride;
  const float* bias = s.bias ? s.bias + head * s.bias_step - row : nullptr;
  auto score = [&](int64_t j) {
    if (s.mask && s.mask[j] == 0) return -INFINITY;
    return kLog2E * (bias ? s.scores[at + j] + bias[j] : s.scores[at + j]);
  };
  Peak peak{-INFINITY, 0.0f};
  for (int64_t j = first; j < s.keys; j += kStep) {
    const float x = score(j);
    if (x > peak.highest) {
      peak = {x, peak.sum * exp2f(peak.highest - x) + 1.0f};
    } else if (x != -INFINITY) {
      peak.sum += exp2f(x - peak.highest);
    }
  }
  peak = join_warp(peak);
  if constexpr (!kWarp) {
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = peak;
    __syncthreads();
    peak = parts[0];
    for (int i = 1; i < kThreads / 32; ++i) peak = join(peak, parts[i]);
  }
  const float factor = peak.sum == 0.0f ? 0.0f : 1.0f / peak.sum;
  for (int64_t j = first; j < s.keys; j += kStep) {
    const float x = score(j);
    store<1>(weights, at + j, {x == -INFINITY ? 0.0f : exp2f(x - peak.highest) * factor});
  }
}

}  // namespace

void soften(cudaStream_t stream, const Scores& s) {
  const Values weights{s.weights, s.type};
  const auto heads = static_cast<unsigned>(s.heads), rows = static_cast<unsigned>(s.rows);
  constexpr unsigned kRowsOfBlock = kThreads / 32;
  if (s.keys <= 1024)
    soften_kernel<true>
        <<<dim3((rows + kRowsOfBlock - 1) / kRowsOfBlock, heads), kThreads, 0, stream>>>(s, weights);
  else
    soften_kernel<false><<<dim3(rows, heads), kThreads, 0, stream>>>(s, weights);
}

}  // namespace zoetrope::cuda
