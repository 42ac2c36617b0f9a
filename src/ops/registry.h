// Which ops there are and which kernels they have: the one place where kernels are looked up.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "ops/kernel.h"

namespace zoetrope {

struct OpEntry {
  const Op* op;
  // Of each device the first that supports a node is taken.
  std::span<const Kernel* const> cpu_kernels;
  std::span<const Kernel* const> cuda_kernels;  // empty in a build without CUDA
};

const std::vector<OpEntry>& all_ops();
// The kernel for a node, or nullptr where the device has none. A build without CUDA gives one for every node
// on a GPU that plans and cannot be prepared.
const Kernel* find_kernel(DeviceKind device, const Op& op, const NodeView& node);

}  // namespace zoetrope
