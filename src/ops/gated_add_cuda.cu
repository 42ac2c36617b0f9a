// x, y (B, L, D), gate rows -> x + y · gate. The result may lie over x or y.
#include "cuda/context.h"
#include "cuda/tokens.cuh"
#include "ops/cuda_function.h"
#include "ops/gated_add.h"

namespace zoetrope {
namespace {

using cuda::Pack;
using cuda::RowTable;
using cuda::Tokens;
using cuda::Values;

template <int N, int P>
__global__ void __launch_bounds__(cuda::kRowThreads, 1)
    gated_add_kernel(Values x, Values y, RowTable gate, Values out, Tokens tokens) {
  const cuda::Token token(tokens);
  const cuda::FetchedRow<N, P> x_fetched(x, token.start, token.columns),
      y_fetched(y, token.start, token.columns);
  const cuda::Row<N, P> first = x_fetched, second = y_fetched;
  const int64_t gate_start = gate.start(token);
  first.each(second, [&](const Pack<N>& a, const Pack<N>& b, int64_t column) {
    const Pack<N> g = cuda::load<N>(gate.values, gate_start + column);
    Pack<N> sum;
#pragma unroll
    for (int k = 0; k < N; ++k) sum.v[k] = a.v[k] + b.v[k] * g.v[k];
    cuda::store<N>(out, token.start + column, sum);
  });
}

void launch_gated_add(const Launch& launch, const Attributes*) {
  const Shape& shape = launch.inputs[0].shape;
  const Values x = cuda::values_of(launch.inputs[0]), y = cuda::values_of(launch.inputs[1]),
               out = cuda::values_of(launch.outputs[0]);
  const RowTable gate(launch.inputs[2], shape);
  const Tokens tokens(shape);
  const cuda::RowLayout layout = cuda::layout_rows(tokens.rows, tokens.width, {x, y, gate.values, out});
  cuda::with_layout(layout, [&]<int N, int P>() {
    gated_add_kernel<N, P>
        <<<layout.blocks, layout.threads, 0, cuda::stream_of(launch.stream)>>>(x, y, gate, out, tokens);
  });
}

}  // namespace

std::span<const Kernel* const> gated_add_cuda_kernels() {
  static const CudaFunction kernel("rows in registers", launch_gated_add);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
