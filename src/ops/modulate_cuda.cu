// x (B, L, D), scale and shift rows -> x · (1 + scale) + shift. The rows of x are read in as many packs at
// once as norms read them, so that a thread's way to its place is shared by all its packs. y may lie over x.
#include "cuda/context.h"
#include "cuda/tokens.cuh"
#include "ops/cuda_function.h"
#include "ops/modulate.h"

namespace zoetrope {
namespace {

using cuda::Pack;
using cuda::RowTable;
using cuda::Tokens;
using cuda::Values;

template <int N, int P>
__global__ void __launch_bounds__(cuda::kRowThreads, 1)
    modulate_kernel(Values x, RowTable scale, RowTable shift, Values y, Tokens tokens) {
  const cuda::Token token(tokens);
  const cuda::Row<N, P> values = cuda::FetchedRow<N, P>(x, token.start, token.columns);
  const int64_t scale_start = scale.start(token), shift_start = shift.start(token);
  values.each([&](const Pack<N>& pack, int64_t column) {
    const Pack<N> s = cuda::load<N>(scale.values, scale_start + column),
                  t = cuda::load<N>(shift.values, shift_start + column);
    Pack<N> out;
#pragma unroll
    for (int k = 0; k < N; ++k) out.v[k] = pack.v[k] * (1.0f + s.v[k]) + t.v[k];
    cuda::store<N>(y, token.start + column, out);
  });
}

void launch_modulate(const Launch& launch, const Attributes*) {
  const Shape& shape = launch.inputs[0].shape;
  const Values x = cuda::values_of(launch.inputs[0]), y = cuda::values_of(launch.outputs[0]);
  const RowTable scale(launch.inputs[1], shape), shift(launch.inputs[2], shape);
  const Tokens tokens(shape);
  const cuda::RowLayout layout =
      cuda::layout_rows(tokens.rows, tokens.width, {x, scale.values, shift.values, y});
  cuda::with_layout(layout, [&]<int N, int P>() {
    modulate_kernel<N, P>
        <<<layout.blocks, layout.threads, 0, cuda::stream_of(launch.stream)>>>(x, scale, shift, y, tokens);
  });
}

}  // namespace

std::span<const Kernel* const> modulate_cuda_kernels() {
  static const CudaFunction kernel("rows in registers", launch_modulate);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
