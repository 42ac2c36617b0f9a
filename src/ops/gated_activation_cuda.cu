// gate (n), up (n) -> act(gate) · up (n), a pack a thread. y may lie over either.
#include "cuda/context.h"
#include "cuda/launch.h"
#include "cuda/values.cuh"
#include "ops/activation.cuh"
#include "ops/cuda_function.h"
#include "ops/gated_activation.h"

namespace zoetrope {
namespace {

using cuda::Values;

template <int N>
__global__ void gated_activation_kernel(Values gate, Values up, Values y, int64_t packs, UnaryKind kind) {
  for (int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x; i < packs;
       i += int64_t{gridDim.x} * blockDim.x) {
    const cuda::Bits<N> gate_bits = cuda::fetch<N>(gate, i * N), up_bits = cuda::fetch<N>(up, i * N);
    cuda::Pack<N> g = cuda::widen(gate.dtype, gate_bits);
    const cuda::Pack<N> u = cuda::widen(up.dtype, up_bits);
#pragma unroll
    for (int k = 0; k < N; ++k) g.v[k] = cuda::activate(kind, g.v[k]) * u.v[k];
    cuda::store<N>(y, i * N, g);
  }
}

void launch_gated_activation(const Launch& launch, const Attributes* attributes) {
  const UnaryKind kind = static_cast<const GatedActivationAttributes&>(*attributes).kind;
  const Values gate = cuda::values_of(launch.inputs[0]), up = cuda::values_of(launch.inputs[1]),
               y = cuda::values_of(launch.outputs[0]);
  const int64_t n = launch.outputs[0].shape.elements();
  const cudaStream_t stream = cuda::stream_of(launch.stream);
  if (cuda::is_wide(n, {gate, up, y}))
    gated_activation_kernel<cuda::kWide><<<cuda::blocks_for(n / cuda::kWide), cuda::kThreads, 0, stream>>>(
        gate, up, y, n / cuda::kWide, kind);
  else
    gated_activation_kernel<1><<<cuda::blocks_for(n), cuda::kThreads, 0, stream>>>(gate, up, y, n, kind);
}

}  // namespace

std::span<const Kernel* const> gated_activation_cuda_kernels() {
  static const CudaFunction kernel("elementwise", launch_gated_activation);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
