#include "ops/registry.h"

namespace zoetrope {

#define ZT_OP(name)                                    \
  const Op& name##_op();                               \
  std::span<const Kernel* const> name##_cpu_kernels(); \
  std::span<const Kernel* const> name##_cuda_kernels();
#include "ops/ops.def"
#undef ZT_OP

#ifdef ZT_CUDA
#define ZT_CUDA_KERNELS(name) name##_cuda_kernels()
#else
#define ZT_CUDA_KERNELS(name) \
  {}
#endif

const std::vector<OpEntry>& all_ops() {
  static const std::vector<OpEntry> entries = {
#define ZT_OP(name) {&name##_op(), name##_cpu_kernels(), ZT_CUDA_KERNELS(name)},
#include "ops/ops.def"
#undef ZT_OP
  };
  return entries;
}

const Kernel* find_kernel(DeviceKind device, const Op& op, const NodeView& node) {
  for (const OpEntry& entry : all_ops()) {
    if (entry.op != &op) continue;
    for (const Kernel* kernel : device == DeviceKind::cuda ? entry.cuda_kernels : entry.cpu_kernels)
      if (kernel->supports(node)) return kernel;
  }
  return nullptr;
}

}  // namespace zoetrope
