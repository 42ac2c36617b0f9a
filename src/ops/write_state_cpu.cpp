// value (outer, n, inner) -> rows [start + position, + n) of state (outer, N, inner).
#include "cpu/copy.h"
#include "ops/axis.h"
#include "ops/kernel.h"
#include "ops/write_state.h"

namespace zoetrope {
namespace {

void run(const Launch& launch, const Attributes* attributes) {
  const auto& settings = static_cast<const WriteStateAttributes&>(*attributes);
  const AxisSplit state = split_at(launch.inputs[0].shape, settings.axis);
  const AxisSplit value = split_at(launch.inputs[1].shape, settings.axis);
  const int64_t unit = state.inner * static_cast<int64_t>(size_of(launch.inputs[0].dtype));
  const int64_t start = settings.start + (launch.inputs[2].data ? *launch.inputs[2].as<const int32_t>() : 0);
  // Rows of the value that have a place in the state.
  const int64_t first = std::clamp<int64_t>(-start, 0, value.extent);
  const int64_t last = std::clamp<int64_t>(state.extent - start, first, value.extent);
  copy_rows({state.outer, (last - first) * unit, state.extent * unit, value.extent * unit},
            launch.inputs[0].as<char>() + (start + first) * unit,
            launch.inputs[1].as<const char>() + first * unit);
}

}  // namespace

std::span<const Kernel* const> write_state_cpu_kernels() {
  static const FunctionKernel kernel("copy of rows", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
