#include "ops/registry.h"

#include "base/error.h"

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

#ifndef ZT_CUDA
namespace {

// Plans for a GPU need no kernels: a build without CUDA plans with this one, which has no workspace.
class UnbuiltKernel final : public Kernel {
 public:
  std::string_view name() const override { return "(not in this build)"; }
  std::unique_ptr<PreparedKernel> prepare(const NodeView&, const DeviceSpec&) const override {
    throw InternalError("this build has no CUDA kernels; it only plans for a GPU");
  }
};

}  // namespace
#endif

const Kernel* find_kernel(DeviceKind device, const Op& op, const NodeView& node) {
#ifndef ZT_CUDA
  static const UnbuiltKernel unbuilt;
  if (device == DeviceKind::cuda) return &unbuilt;
#endif
  for (const OpEntry& entry : all_ops()) {
    if (entry.op != &op) continue;
    for (const Kernel* kernel : device == DeviceKind::cuda ? entry.cuda_kernels : entry.cpu_kernels)
      if (kernel->supports(node)) return kernel;
  }
  return nullptr;
}

}  // namespace zoetrope
