// x (B, L, H d), weight (H d), cos and sin (P, d/2) -> (B, L, H, d), a token's row in registers: its sum of
// squares, its factor, the products, and the turn of pairs, which lie side by side in a pack. y may lie over
// x.
#include "cuda/context.h"
#include "cuda/row_sum.cuh"
#include "cuda/tokens.cuh"
#include "ops/cuda_function.h"
#include "ops/rms_norm_rotary.h"

namespace zoetrope {
namespace {

using cuda::Pack;
using cuda::Values;

struct Operands {
  Values x, weight, cos, sin, y;
  cuda::Tokens tokens;
  unsigned head;  // elements
  float eps;
};

template <int N, int P>
__global__ void __launch_bounds__(cuda::kRowThreads, 1) rms_norm_rotary_kernel(Operands o) {
  __shared__ float parts[cuda::kRowThreads / 32];
  const cuda::Token token(o.tokens);
  const cuda::Row<N, P> values = cuda::FetchedRow<N, P>(o.x, token.start, token.columns);
  float squares = 0;
  values.each([&](const Pack<N>& pack, int64_t) {
#pragma unroll
    for (int k = 0; k < N; ++k) squares += pack.v[k] * pack.v[k];
  });
  const float mean = cuda::row_sum(squares, parts) / static_cast<float>(o.tokens.width);
  const float factor = 1.0f / sqrtf(mean + o.eps);
  const int64_t angles = token.place * (o.head / 2);
  values.each([&](const Pack<N>& pack, int64_t column) {
    const int64_t angle = angles + static_cast<unsigned>(column) % o.head / 2;
    const Pack<N / 2> c = cuda::load<N / 2>(o.cos, angle), s = cuda::load<N / 2>(o.sin, angle);
    Pack<N> normed, out;
#pragma unroll
    for (int k = 0; k < N; ++k) normed.v[k] = pack.v[k] * factor;
    if (o.weight.data) {
      const Pack<N> w = cuda::load<N>(o.weight, column);
#pragma unroll
      for (int k = 0; k < N; ++k) normed.v[k] *= w.v[k];
    }
#pragma unroll
    for (int k = 0; k < N / 2; ++k) {
      const float first = normed.v[2 * k], second = normed.v[2 * k + 1];
      out.v[2 * k] = first * c.v[k] - second * s.v[k];
      out.v[2 * k + 1] = second * c.v[k] + first * s.v[k];
    }
    cuda::store<N>(o.y, token.start + column, out);
  });
}

void launch_rms_norm_rotary(const Launch& launch, const Attributes* attributes) {
  const auto& settings = static_cast<const RmsNormRotaryAttributes&>(*attributes);
  const Shape& shape = launch.inputs[0].shape;
  const int64_t head = shape[2] / settings.heads;
  const Operands o{cuda::values_of(launch.inputs[0]),  cuda::values_of(launch.inputs[1]),
                   cuda::values_of(launch.inputs[2]),  cuda::values_of(launch.inputs[3]),
                   cuda::values_of(launch.outputs[0]), cuda::Tokens(shape),
                   static_cast<unsigned>(head),        settings.eps};
  // A pack lies within one head.
  const bool wide = cuda::is_wide(head, {o.x, o.weight, o.cos, o.sin, o.y});
  const cuda::RowLayout layout = cuda::layout_rows(o.tokens.rows, o.tokens.width, wide, 2);
  cuda::with_layout<2>(layout, [&]<int N, int P>() {
    rms_norm_rotary_kernel<N, P><<<layout.blocks, layout.threads, 0, cuda::stream_of(launch.stream)>>>(o);
  });
}

}  // namespace

std::span<const Kernel* const> rms_norm_rotary_cuda_kernels() {
  static const CudaFunction kernel("rows in registers", launch_rms_norm_rotary);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
