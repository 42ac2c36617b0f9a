// terms (n), coefficients (k) -> (n), a pack a thread. All terms of an element are read before it is written:
// y may lie over one.
#include "cuda/context.h"
#include "cuda/launch.h"
#include "cuda/values.cuh"
#include "ops/cuda_function.h"
#include "ops/linear_combination.h"

namespace zoetrope {
namespace {

using cuda::Values;

constexpr size_t kMostTerms = 64;  // they are parameters of the launch, 16 bytes each

struct Terms {
  Values values[kMostTerms];
  int count;
};

template <int N>
__global__ void linear_combination_kernel(const __grid_constant__ Terms terms, const float* coefficients,
                                          Values y, int64_t packs) {
  for (int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x; i < packs;
       i += int64_t{gridDim.x} * blockDim.x) {
    cuda::Pack<N> sum{};
    for (int t = 0; t < terms.count; ++t) {
      const float weight = coefficients[t];
      if (weight == 0.0f) continue;
      const cuda::Pack<N> x = cuda::load<N>(terms.values[t], i * N);
#pragma unroll
      for (int k = 0; k < N; ++k) sum.v[k] += x.v[k] * weight;
    }
    cuda::store<N>(y, i * N, sum);
  }
}

void launch_linear_combination(const Launch& launch, const Attributes*) {
  Terms terms{};
  terms.count = static_cast<int>(launch.inputs.size()) - 1;
  const Values y = cuda::values_of(launch.outputs[0]);
  const int64_t n = launch.outputs[0].shape.elements();
  bool wide = cuda::is_wide(n, {y});
  for (int t = 0; t < terms.count; ++t) {
    terms.values[t] = cuda::values_of(launch.inputs[static_cast<size_t>(t)]);
    wide = wide && cuda::is_aligned(terms.values[t]);
  }
  const auto* coefficients = launch.inputs.back().as<const float>();
  const cudaStream_t stream = cuda::stream_of(launch.stream);
  if (wide)
    linear_combination_kernel<cuda::kWide><<<cuda::blocks_for(n / cuda::kWide), cuda::kThreads, 0, stream>>>(
        terms, coefficients, y, n / cuda::kWide);
  else
    linear_combination_kernel<1>
        <<<cuda::blocks_for(n), cuda::kThreads, 0, stream>>>(terms, coefficients, y, n);
}

}  // namespace

std::span<const Kernel* const> linear_combination_cuda_kernels() {
  static const CudaFunction kernel("elementwise", launch_linear_combination,
                                   [](const NodeView& node) { return node.inputs.size() <= kMostTerms + 1; });
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
