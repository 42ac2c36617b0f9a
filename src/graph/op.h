// What an op's contract is: a shape rule, a cost, and what it promises about memory. Kernels are another
// matter: they live beside the op in ops/ and are chosen when a graph is compiled.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/shape.h"

namespace zoetrope {

struct ValueType {
  DType dtype = DType::f32;
  Shape shape;
};

// An op's fixed settings (an epsilon, an axis). text() is for dumps and keys: "eps=1e-06 axis=1".
struct Attributes {
  virtual ~Attributes() = default;
  virtual std::string text() const { return {}; }
};

// One application of an op as its rules see it: types in, attributes, and (once inferred) types out.
// An optional input that is absent is a null pointer.
struct NodeView {
  std::vector<const ValueType*> inputs;
  std::vector<const ValueType*> outputs;
  const Attributes* attributes = nullptr;

  bool has(size_t i) const { return i < inputs.size() && inputs[i] != nullptr; }
  const Shape& in(size_t i) const { return inputs[i]->shape; }
  const Shape& out(size_t i = 0) const { return outputs[i]->shape; }
  template <class T>
  const T& attrs() const {
    return static_cast<const T&>(*attributes);
  }
};

// Bytes: each input read once and each output written once. Flops: a multiplication and an addition count as
// two.
struct Cost {
  double flops = 0;
  double bytes = 0;
};

class Op {
 public:
  virtual ~Op() = default;
  virtual std::string_view name() const = 0;
  // The types of the outputs. Throws GraphError where the inputs do not go together.
  virtual std::vector<ValueType> infer(const NodeView& node) const = 0;
  // Default: no flops, all operands once.
  virtual Cost cost(const NodeView& node) const;
  // Output 0 may be written over this input, element by element, when nobody reads the input afterwards.
  virtual bool may_alias_input(const NodeView&, size_t /*input*/) const { return false; }
  // Output 0 is nothing but a part of input 0, from this byte on: it costs no memory and no step.
  virtual std::optional<int64_t> view_offset(const NodeView&) const { return std::nullopt; }
  // A parameter in this place may be held as bf16 or f16; elsewhere parameters are widened to float32 when
  // they are loaded.
  virtual bool takes_narrow(size_t /*input*/) const { return false; }
  // The op changes this input in place; only a state may stand there.
  virtual bool mutates(const NodeView&, size_t /*input*/) const { return false; }
};

// Whether operands of these types may stand for each other: floating types of any width do, since a device
// may hold each value in its own.
inline bool same_kind(DType a, DType b) { return a == b || (is_floating(a) && is_floating(b)); }

// Bytes of all operands of a node, each once.
double operand_bytes(const NodeView& node);

}  // namespace zoetrope
