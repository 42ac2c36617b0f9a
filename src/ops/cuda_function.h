// The common case of a CUDA kernel: a function that launches on the stream it is given, with nothing to
// prepare and no workspace, for operands of any mix of float32, bf16 and f16.
#pragma once

#include "ops/kernel.h"

namespace zoetrope {

inline bool is_gpu_type(DType type) {
  return type == DType::f32 || type == DType::bf16 || type == DType::f16 || type == DType::i32;
}

inline bool has_gpu_types(const NodeView& node) {
  for (const ValueType* operand : node.inputs)
    if (operand && !is_gpu_type(operand->dtype)) return false;
  for (const ValueType* operand : node.outputs)
    if (!is_gpu_type(operand->dtype)) return false;
  return true;
}

class CudaFunction final : public Kernel {
 public:
  using Function = void (*)(const Launch&, const Attributes*);
  using Limit = bool (*)(const NodeView&);
  // `limit`: what the kernel can do of what the types allow; all of it where there is none.
  CudaFunction(std::string_view name, Function function, Limit limit = nullptr)
      : name_(name), function_(function), limit_(limit) {}
  std::string_view name() const override { return name_; }
  bool supports(const NodeView& node) const override {
    return has_gpu_types(node) && (!limit_ || limit_(node));
  }
  std::unique_ptr<PreparedKernel> prepare(const NodeView& node, const DeviceSpec&) const override {
    return std::make_unique<Prepared>(function_, node.attributes);
  }

 private:
  class Prepared final : public PreparedKernel {
   public:
    Prepared(Function function, const Attributes* attributes)
        : function_(function), attributes_(attributes) {}
    void launch(const Launch& launch) override { function_(launch, attributes_); }

   private:
    Function function_;
    const Attributes* attributes_;  // owned by the graph's node, which outlives the executable
  };
  std::string_view name_;
  Function function_;
  Limit limit_;
};

}  // namespace zoetrope
