// x (outer, N, inner) -> (outer, length, inner).
#include "cuda/context.h"
#include "cuda/strided_copy.cuh"
#include "ops/axis.h"
#include "ops/cuda_function.h"
#include "ops/slice.h"

namespace zoetrope {
namespace {

void launch_slice(const Launch& launch, const Attributes* attributes) {
  const auto& settings = static_cast<const SliceAttributes&>(*attributes);
  const AxisSplit split = split_at(launch.inputs[0].shape, settings.axis);
  const int64_t run = settings.length * split.inner;
  cuda::Axes<2> axes;
  axes.add({split.outer, {split.extent * split.inner, run}});
  axes.add({run, {1, 1}});
  const cuda::Values from = cuda::movable(launch.inputs[0]).from(settings.start * split.inner);
  cuda::strided_copy(cuda::stream_of(launch.stream), from, cuda::movable(launch.outputs[0]), axes);
}

}  // namespace

std::span<const Kernel* const> slice_cuda_kernels() {
  static const CudaFunction kernel("strided copy", launch_slice);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
