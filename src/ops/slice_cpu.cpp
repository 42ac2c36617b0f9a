// x (outer, N, inner) -> (outer, length, inner): one row of length · inner elements for each of outer.
#include "cpu/copy.h"
#include "ops/axis.h"
#include "ops/kernel.h"
#include "ops/slice.h"

namespace zoetrope {
namespace {

void run(const Launch& launch, const Attributes* attributes) {
  const auto& settings = static_cast<const SliceAttributes&>(*attributes);
  const AxisSplit split = split_at(launch.inputs[0].shape, settings.axis);
  const int64_t bytes = split.inner * static_cast<int64_t>(size_of(launch.inputs[0].dtype));
  copy_rows({split.outer, settings.length * bytes, settings.length * bytes, split.extent * bytes},
            launch.outputs[0].as<char>(), launch.inputs[0].as<const char>() + settings.start * bytes);
}

}  // namespace

std::span<const Kernel* const> slice_cpu_kernels() {
  static const FunctionKernel kernel("copy of rows", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
