// x (outer, N, inner) -> (outer, N, times, inner).
#include "cpu/copy.h"
#include "ops/axis.h"
#include "ops/kernel.h"
#include "ops/repeat.h"

namespace zoetrope {
namespace {

void run(const Launch& launch, const Attributes* attributes) {
  const auto& settings = static_cast<const RepeatAttributes&>(*attributes);
  const AxisSplit split = split_at(launch.inputs[0].shape, settings.axis);
  const int64_t unit = split.inner * static_cast<int64_t>(size_of(launch.inputs[0].dtype));
  for (int64_t k = 0; k < settings.times; ++k)
    copy_rows({split.outer * split.extent, unit, unit * settings.times, unit},
              launch.outputs[0].as<char>() + k * unit, launch.inputs[0].as<const char>());
}

}  // namespace

std::span<const Kernel* const> repeat_cpu_kernels() {
  static const FunctionKernel kernel("copy of rows", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
