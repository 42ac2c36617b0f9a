// x (rows, C), weight (C), bias (C) -> y (rows, C). A row in registers: its mean, from it the mean of the
// squared deviations (one pass over x² would lose a small deviation on a large mean), the result. y may lie
// over x.
#include "cuda/context.h"
#include "cuda/row_sum.cuh"
#include "ops/cuda_function.h"
#include "ops/layer_norm.h"

namespace zoetrope {
namespace {

using cuda::Pack;
using cuda::Values;

struct Operands {
  Values x, weight, bias, y;
};

template <int N, int P>
__global__ void __launch_bounds__(cuda::kRowThreads, 1)
    layer_norm_kernel(Operands operands, int64_t rows, int64_t columns, float eps) {
  const auto& [x, weight, bias, y] = operands;
  const int64_t row = cuda::row_of_thread(), start = row * columns;
  const cuda::Row<N, P> values = cuda::FetchedRow<N, P>(x, start, row < rows ? columns : 0);
  const cuda::Moments moments = cuda::row_moments(values, columns, eps);
  values.each([&](const Pack<N>& pack, int64_t column) {
    Pack<N> out;
#pragma unroll
    for (int k = 0; k < N; ++k) out.v[k] = (pack.v[k] - moments.mean) * moments.factor;
    if (weight.data) {
      const Pack<N> w = cuda::load<N>(weight, column);
#pragma unroll
      for (int k = 0; k < N; ++k) out.v[k] *= w.v[k];
    }
    if (bias.data) {
      const Pack<N> b = cuda::load<N>(bias, column);
#pragma unroll
      for (int k = 0; k < N; ++k) out.v[k] += b.v[k];
    }
    cuda::store<N>(y, start + column, out);
  });
}

void launch_layer_norm(const Launch& launch, const Attributes* attributes) {
  const float eps = static_cast<const LayerNormAttributes&>(*attributes).eps;
  const Operands operands{cuda::values_of(launch.inputs[0]), cuda::values_of(launch.inputs[1]),
                          cuda::values_of(launch.inputs[2]), cuda::values_of(launch.outputs[0])};
  const Shape& shape = launch.inputs[0].shape;
  const int64_t columns = shape[-1], rows = shape.elements(0, shape.rank() - 1);
  const cuda::RowLayout layout =
      cuda::layout_rows(rows, columns, {operands.x, operands.weight, operands.bias, operands.y});
  cuda::with_layout(layout, [&]<int N, int P>() {
    layer_norm_kernel<N, P>
        <<<layout.blocks, layout.threads, 0, cuda::stream_of(launch.stream)>>>(operands, rows, columns, eps);
  });
}

}  // namespace

std::span<const Kernel* const> layer_norm_cuda_kernels() {
  static const CudaFunction kernel("rows in registers", launch_layer_norm);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
