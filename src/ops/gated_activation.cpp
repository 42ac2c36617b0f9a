#include "ops/gated_activation.h"

namespace zoetrope {
namespace {

class GatedActivationOp final : public Op {
 public:
  std::string_view name() const override { return "gated_activation"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    if (!(node.in(0) == node.in(1))) throw GraphError("gate and up must have one shape");
    if (!is_activation(node.attrs<GatedActivationAttributes>().kind))
      throw GraphError("only silu, gelu, gelu_tanh and relu can be a gate's activation");
    return {{DType::f32, node.in(0)}};
  }
  Cost cost(const NodeView& node) const override {
    return {9.0 * static_cast<double>(node.in(0).elements()), operand_bytes(node)};
  }
  bool may_alias_input(const NodeView&, size_t) const override { return true; }
};

}  // namespace

std::string GatedActivationAttributes::text() const { return std::string(name_of(kind)); }

const Op& gated_activation_op() {
  static const GatedActivationOp op;
  return op;
}

Tensor gated_activation(Tensor gate, Tensor up, UnaryKind kind) {
  auto attributes = std::make_shared<GatedActivationAttributes>();
  attributes->kind = kind;
  return gate.graph().add1(gated_activation_op(), {gate, up}, attributes);
}

}  // namespace zoetrope
