#include "ops/registry.h"

namespace zoetrope {

#define ZT_OP(name)      \
  const Op& name##_op(); \
  std::span<const Kernel* const> name##_cpu_kernels();
#include "ops/ops.def"
#undef ZT_OP

const std::vector<OpEntry>& all_ops() {
  static const std::vector<OpEntry> entries = {
#define ZT_OP(name) {&name##_op(), name##_cpu_kernels()},
#include "ops/ops.def"
#undef ZT_OP
  };
  return entries;
}

const Kernel* find_kernel(DeviceKind device, const Op& op, const NodeView& node) {
  for (const OpEntry& entry : all_ops()) {
    if (entry.op != &op) continue;
    if (device == DeviceKind::cuda) return nullptr;
    for (const Kernel* kernel : entry.cpu_kernels)
      if (kernel->supports(node)) return kernel;
  }
  return nullptr;
}

}  // namespace zoetrope
