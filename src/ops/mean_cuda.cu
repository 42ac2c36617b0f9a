// x (outer, N, inner) -> (outer, inner): a thread adds the N elements of one result, in double precision.
#include "cuda/context.h"
#include "cuda/tiles.cuh"
#include "cuda/values.cuh"
#include "ops/axis.h"
#include "ops/cuda_function.h"
#include "ops/mean.h"

namespace zoetrope {
namespace {

using cuda::Values;

__global__ void mean_kernel(Values x, Values y, AxisSplit split) {
  const int64_t outer = cuda::tile_row();
  if (outer >= split.outer) return;
  for (int64_t c = cuda::first_pack(); c < split.inner; c += cuda::pack_stride()) {
    const int64_t first = outer * split.extent * split.inner + c;
    double sum = 0;
#pragma unroll 8
    for (int64_t n = 0; n < split.extent; ++n) sum += cuda::load<1>(x, first + n * split.inner).v[0];
    cuda::store<1>(y, outer * split.inner + c, {static_cast<float>(sum / static_cast<double>(split.extent))});
  }
}

void launch_mean(const Launch& launch, const Attributes* attributes) {
  const AxisSplit split =
      split_at(launch.inputs[0].shape, static_cast<const MeanAttributes&>(*attributes).axis);
  if (split.outer * split.inner == 0) return;
  const cuda::Tiles tiles = cuda::tiles_for(split.outer, split.inner);
  mean_kernel<<<tiles.blocks, tiles.threads, 0, cuda::stream_of(launch.stream)>>>(
      cuda::values_of(launch.inputs[0]), cuda::values_of(launch.outputs[0]), split);
}

}  // namespace

std::span<const Kernel* const> mean_cuda_kernels() {
  static const CudaFunction kernel("sums in double", launch_mean);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
