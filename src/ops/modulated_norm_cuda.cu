// x (B, L, D), scale and shift rows -> layer_norm(x) · (1 + scale) + shift, a row of x in registers. y may
// lie over x.
#include "cuda/context.h"
#include "cuda/row_sum.cuh"
#include "cuda/tokens.cuh"
#include "ops/cuda_function.h"
#include "ops/modulated_norm.h"

namespace zoetrope {
namespace {

using cuda::Pack;
using cuda::RowTable;
using cuda::Tokens;
using cuda::Values;

struct Operands {
  Values x;
  RowTable scale, shift;
  Values y;
  Tokens tokens;
};

template <int N, int P>
__global__ void __launch_bounds__(cuda::kRowThreads, 1) modulated_norm_kernel(Operands o, float eps) {
  const cuda::Token token(o.tokens);
  const cuda::Row<N, P> values = cuda::FetchedRow<N, P>(o.x, token.start, token.columns);
  const cuda::Moments moments = cuda::row_moments(values, o.tokens.width, eps);
  const int64_t scale_start = o.scale.start(token), shift_start = o.shift.start(token);
  values.each([&](const Pack<N>& pack, int64_t column) {
    const Pack<N> s = cuda::load<N>(o.scale.values, scale_start + column),
                  t = cuda::load<N>(o.shift.values, shift_start + column);
    Pack<N> out;
#pragma unroll
    for (int k = 0; k < N; ++k)
      out.v[k] = (pack.v[k] - moments.mean) * moments.factor * (1.0f + s.v[k]) + t.v[k];
    cuda::store<N>(o.y, token.start + column, out);
  });
}

void launch_modulated_norm(const Launch& launch, const Attributes* attributes) {
  const Shape& shape = launch.inputs[0].shape;
  const Operands o{cuda::values_of(launch.inputs[0]), RowTable(launch.inputs[1], shape),
                   RowTable(launch.inputs[2], shape), cuda::values_of(launch.outputs[0]), Tokens(shape)};
  const cuda::RowLayout layout =
      cuda::layout_rows(o.tokens.rows, o.tokens.width, {o.x, o.scale.values, o.shift.values, o.y});
  cuda::with_layout(layout, [&]<int N, int P>() {
    modulated_norm_kernel<N, P><<<layout.blocks, layout.threads, 0, cuda::stream_of(launch.stream)>>>(
        o, static_cast<const ModulatedNormAttributes&>(*attributes).eps);
  });
}

}  // namespace

std::span<const Kernel* const> modulated_norm_cuda_kernels() {
  static const CudaFunction kernel("rows in registers", launch_modulated_norm);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
