// a, b -> y, shapes broadcast. Neighbouring axes in which both operands go on evenly are joined; along the
// innermost one an operand is a run of packs or a single repeated element. y may lie over an operand of its
// shape.
#include "cuda/axes.cuh"
#include "cuda/context.h"
#include "cuda/launch.h"
#include "cuda/values.cuh"
#include "ops/binary.h"
#include "ops/cuda_function.h"

namespace zoetrope {
namespace {

using cuda::Bits;
using cuda::Pack;
using cuda::Values;

// Minimum and maximum are NaN where either is.
__device__ inline float apply(BinaryKind kind, float a, float b) {
  switch (kind) {
    case BinaryKind::add:
      return a + b;
    case BinaryKind::subtract:
      return a - b;
    case BinaryKind::multiply:
      return a * b;
    case BinaryKind::minimum:
      return isnan(a) ? a : isnan(b) ? b : fminf(a, b);
    default:
      return isnan(a) ? a : isnan(b) ? b : fmaxf(a, b);
  }
}

struct Operands {
  Values a, b, y;
  bool a_repeats, b_repeats;  // one element stands for all of a pack
  BinaryKind kind;
};

template <int N>
__device__ inline Pack<N> spread(float value) {
  Pack<N> pack;
#pragma unroll
  for (int k = 0; k < N; ++k) pack.v[k] = value;
  return pack;
}

template <int N>
__global__ void binary_kernel(Operands o, cuda::AxesView<3> axes) {
  const uint32_t place = blockIdx.x * blockDim.x + threadIdx.x;
  if (place >= axes.places) return;
  int64_t at[3];
  axes.find(place, at);
  Bits<N> a_bits, b_bits;
  Bits<1> a_one, b_one;
  if (o.a_repeats)
    a_one = cuda::fetch<1>(o.a, at[0]);
  else
    a_bits = cuda::fetch<N>(o.a, at[0]);
  if (o.b_repeats)
    b_one = cuda::fetch<1>(o.b, at[1]);
  else
    b_bits = cuda::fetch<N>(o.b, at[1]);
  Pack<N> a = o.a_repeats ? spread<N>(cuda::widen(o.a.dtype, a_one).v[0]) : cuda::widen(o.a.dtype, a_bits);
  const Pack<N> b =
      o.b_repeats ? spread<N>(cuda::widen(o.b.dtype, b_one).v[0]) : cuda::widen(o.b.dtype, b_bits);
#pragma unroll
  for (int k = 0; k < N; ++k) a.v[k] = apply(o.kind, a.v[k], b.v[k]);
  cuda::store<N>(o.y, at[2], a);
}

// Outermost first; strides of a, b and y.
cuda::Axes<3> axes_of(const Shape& a, const Shape& b, const Shape& y) {
  auto stride = [&](const Shape& shape, int back) -> int64_t {
    if (back > shape.rank() || shape[-back] == 1) return 0;
    return shape.elements(shape.rank() - back + 1, shape.rank());
  };
  cuda::Axes<3> axes;
  for (int back = y.rank(); back >= 1; --back)
    axes.add({y[-back], {stride(a, back), stride(b, back), stride(y, back)}});
  return axes;
}

void launch_binary(const Launch& launch, const Attributes* attributes) {
  cuda::Axes<3> axes = axes_of(launch.inputs[0].shape, launch.inputs[1].shape, launch.outputs[0].shape);
  Operands o{cuda::values_of(launch.inputs[0]),  cuda::values_of(launch.inputs[1]),
             cuda::values_of(launch.outputs[0]), axes.innermost().strides[0] == 0,
             axes.innermost().strides[1] == 0,   static_cast<const BinaryAttributes&>(*attributes).kind};
  auto aligned = [](const Values& values, bool repeats) { return repeats || cuda::is_aligned(values); };
  const bool wide = aligned(o.a, o.a_repeats) && aligned(o.b, o.b_repeats) && aligned(o.y, false) &&
                    axes.divides(cuda::kWide);
  if (wide) axes.divide(cuda::kWide);
  const cudaStream_t stream = cuda::stream_of(launch.stream);
  axes.launch([&](const cuda::AxesView<3>& view) {
    const unsigned blocks = (view.places + cuda::kThreads - 1) / cuda::kThreads;
    if (wide)
      binary_kernel<cuda::kWide><<<blocks, cuda::kThreads, 0, stream>>>(o, view);
    else
      binary_kernel<1><<<blocks, cuda::kThreads, 0, stream>>>(o, view);
  });
}

}  // namespace

std::span<const Kernel* const> binary_cuda_kernels() {
  static const CudaFunction kernel("elementwise", launch_binary);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
