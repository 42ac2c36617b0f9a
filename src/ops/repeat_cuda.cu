// x (outer, N, inner) -> (outer, N, times, inner).
#include "cuda/context.h"
#include "cuda/strided_copy.cuh"
#include "ops/axis.h"
#include "ops/cuda_function.h"
#include "ops/repeat.h"

namespace zoetrope {
namespace {

void launch_repeat(const Launch& launch, const Attributes* attributes) {
  const auto& settings = static_cast<const RepeatAttributes&>(*attributes);
  const AxisSplit split = split_at(launch.inputs[0].shape, settings.axis);
  cuda::Axes<2> axes;
  axes.add({split.outer * split.extent, {split.inner, settings.times * split.inner}});
  axes.add({settings.times, {0, split.inner}});
  axes.add({split.inner, {1, 1}});
  cuda::strided_copy(cuda::stream_of(launch.stream), cuda::movable(launch.inputs[0]),
                     cuda::movable(launch.outputs[0]), axes);
}

}  // namespace

std::span<const Kernel* const> repeat_cuda_kernels() {
  static const CudaFunction kernel("strided copy", launch_repeat);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
