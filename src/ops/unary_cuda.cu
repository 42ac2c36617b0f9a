// x (any shape) -> y (the same), element by element; kWide elements a thread where addresses allow it. Moves
// bytes only: each element is read and written once.
#include "cuda/context.h"
#include "cuda/launch.h"
#include "cuda/values.cuh"
#include "ops/activation.cuh"
#include "ops/cuda_function.h"
#include "ops/unary.h"

namespace zoetrope {
namespace {

using cuda::Values;

__device__ inline float apply(UnaryKind kind, float x, float a, float b) {
  switch (kind) {
    case UnaryKind::tanh:
      return tanhf(x);
    case UnaryKind::sigmoid:
      return 1.0f / (1.0f + expf(-x));
    case UnaryKind::exp:
      return expf(x);
    case UnaryKind::neg:
      return -x;
    case UnaryKind::scale:
      return x * a;
    case UnaryKind::clamp:
      return isnan(x) ? x : fminf(fmaxf(x, a), b);
    case UnaryKind::identity:
      return x;
    default:
      return cuda::activate(kind, x);
  }
}

template <int N>
__global__ void unary_kernel(Values x, Values y, int64_t packs, UnaryKind kind, float a, float b) {
  for (int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x; i < packs;
       i += int64_t{gridDim.x} * blockDim.x) {
    cuda::Pack<N> pack = cuda::load<N>(x, i * N);
#pragma unroll
    for (int k = 0; k < N; ++k) pack.v[k] = apply(kind, pack.v[k], a, b);
    cuda::store<N>(y, i * N, pack);
  }
}

void launch_unary(const Launch& launch, const Attributes* attributes) {
  const auto& settings = static_cast<const UnaryAttributes&>(*attributes);
  const Values x = cuda::values_of(launch.inputs[0]), y = cuda::values_of(launch.outputs[0]);
  const int64_t n = launch.outputs[0].shape.elements();
  const cudaStream_t stream = cuda::stream_of(launch.stream);
  if (cuda::is_wide(n, {x, y}))
    unary_kernel<cuda::kWide><<<cuda::blocks_for(n / cuda::kWide), cuda::kThreads, 0, stream>>>(
        x, y, n / cuda::kWide, settings.kind, settings.a, settings.b);
  else
    unary_kernel<1>
        <<<cuda::blocks_for(n), cuda::kThreads, 0, stream>>>(x, y, n, settings.kind, settings.a, settings.b);
}

}  // namespace

std::span<const Kernel* const> unary_cuda_kernels() {
  static const CudaFunction kernel("unary", launch_unary);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
