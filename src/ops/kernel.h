// A kernel runs one op on one kind of device. It is chosen once, when a graph is compiled; after prepare() it
// neither allocates, synchronises nor throws.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/tensor.h"
#include "device/device.h"
#include "graph/op.h"

namespace zoetrope {

// What a kernel gets at each launch. An absent optional operand has data == nullptr.
struct Launch {
  std::span<const TensorView> inputs;
  std::span<const TensorView> outputs;
  void* workspace = nullptr;  // as many bytes as workspace() asked for, aligned as the device allocates
  void* stream = nullptr;     // the device's compute stream, where it has one
};

class PreparedKernel {
 public:
  virtual ~PreparedKernel() = default;
  virtual void launch(const Launch& launch) = 0;
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual std::string_view name() const = 0;  // "openblas sgemm", for --explain
  virtual bool supports(const NodeView&) const { return true; }
  // Scratch bytes. A pure function of the types, the attributes and the device; the kernel uses all of them.
  virtual size_t workspace(const NodeView&, const DeviceSpec&) const { return 0; }
  virtual std::unique_ptr<PreparedKernel> prepare(const NodeView&, const DeviceSpec&) const = 0;
  // A float32 parameter may be laid out anew once, when it is loaded; the packed bytes then take its place.
  // 0: it is taken as it is. The packed layout depends on the parameter's shape, the attributes and the
  // device alone, never on the shapes of the activations: the graphs of a model share their parameters.
  virtual size_t packed_bytes(const NodeView&, size_t /*input*/, const DeviceSpec&) const { return 0; }
  virtual void pack(const NodeView&, size_t /*input*/, const float* /*plain*/, void* /*packed*/,
                    const DeviceSpec&) const {}
};

// The common case: a kernel that is one function, with nothing to prepare and no workspace. Its floating
// operands are all float32.
class FunctionKernel final : public Kernel {
 public:
  using Function = void (*)(const Launch&, const Attributes*);
  FunctionKernel(std::string_view name, Function function) : name_(name), function_(function) {}
  std::string_view name() const override { return name_; }
  bool supports(const NodeView& node) const override {
    for (const ValueType* input : node.inputs)
      if (input && is_floating(input->dtype) && input->dtype != DType::f32) return false;
    return true;
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
};

}  // namespace zoetrope
