// x -> the same bytes: for a runtime that makes no view of it.
#include "cpu/copy.h"
#include "ops/kernel.h"
#include "ops/reshape.h"

namespace zoetrope {
namespace {

void run(const Launch& launch, const Attributes*) {
  copy_bytes(launch.outputs[0].as<char>(), launch.inputs[0].as<const char>(),
             static_cast<int64_t>(launch.inputs[0].bytes()));
}

}  // namespace

std::span<const Kernel* const> reshape_cpu_kernels() {
  static const FunctionKernel kernel("copy", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
