// x (rows, C), weight (C) -> y (rows, C). A row in registers: its sum of squares, its factor, the products
// and, where asked for, SiLU on them. y may lie over x.
#include "cuda/context.h"
#include "cuda/row_sum.cuh"
#include "ops/activation.cuh"
#include "ops/cuda_function.h"
#include "ops/rms_norm.h"

namespace zoetrope {
namespace {

using cuda::Pack;
using cuda::Values;

struct Settings {
  float eps;
  bool l2, silu;
};

// What a row is multiplied by. A NaN in it makes all of it NaN.
__device__ inline float factor_of(const Settings& settings, float squares, int64_t columns) {
  const auto count = static_cast<float>(columns);
  if (!settings.l2) return 1.0f / sqrtf(squares / count + settings.eps);
  const float norm = sqrtf(squares);
  return sqrtf(count) / (norm < settings.eps ? settings.eps : norm);
}

template <int N, int P>
__global__ void __launch_bounds__(cuda::kRowThreads, 1)
    rms_norm_kernel(Values x, Values weight, Values y, int64_t rows, int64_t columns, Settings settings) {
  __shared__ float parts[cuda::kRowThreads / 32];
  const int64_t row = cuda::row_of_thread(), start = row * columns;
  const cuda::Row<N, P> values = cuda::FetchedRow<N, P>(x, start, row < rows ? columns : 0);
  float squares = 0;
  values.each([&](const Pack<N>& pack, int64_t) {
#pragma unroll
    for (int k = 0; k < N; ++k) squares += pack.v[k] * pack.v[k];
  });
  const float factor = factor_of(settings, cuda::row_sum(squares, parts), columns);
  values.each([&](const Pack<N>& pack, int64_t column) {
    Pack<N> out;
#pragma unroll
    for (int k = 0; k < N; ++k) out.v[k] = pack.v[k] * factor;
    if (weight.data) {
      const Pack<N> w = cuda::load<N>(weight, column);
#pragma unroll
      for (int k = 0; k < N; ++k) out.v[k] *= w.v[k];
    }
    if (settings.silu) {
#pragma unroll
      for (int k = 0; k < N; ++k) out.v[k] = cuda::activate(UnaryKind::silu, out.v[k]);
    }
    cuda::store<N>(y, start + column, out);
  });
}

void launch_rms_norm(const Launch& launch, const Attributes* attributes) {
  const auto& a = static_cast<const RmsNormAttributes&>(*attributes);
  const Values x = cuda::values_of(launch.inputs[0]), weight = cuda::values_of(launch.inputs[1]),
               y = cuda::values_of(launch.outputs[0]);
  const Shape& shape = launch.inputs[0].shape;
  const int64_t columns = shape[-1], rows = shape.elements(0, shape.rank() - 1);
  const cuda::RowLayout layout = cuda::layout_rows(rows, columns, {x, weight, y});
  cuda::with_layout(layout, [&]<int N, int P>() {
    rms_norm_kernel<N, P><<<layout.blocks, layout.threads, 0, cuda::stream_of(launch.stream)>>>(
        x, weight, y, rows, columns, {a.eps, a.l2, a.silu});
  });
}

}  // namespace

std::span<const Kernel* const> rms_norm_cuda_kernels() {
  static const CudaFunction kernel("rows in registers", launch_rms_norm);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
