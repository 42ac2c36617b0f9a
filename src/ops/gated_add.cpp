#include "ops/gated_add.h"

#include "ops/row_broadcast.h"

namespace zoetrope {
namespace {

class GatedAddOp final : public Op {
 public:
  std::string_view name() const override { return "gated_add"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    if (!(node.in(0) == node.in(1))) throw GraphError("x and y must have one shape");
    if (!is_row_for(node.in(2), node.in(0)))
      throw GraphError("x (B, L, D) needs a gate of (B, 1, D), (B, L, D) or (1, 1, D)");
    return {{DType::f32, node.in(0)}};
  }
  Cost cost(const NodeView& node) const override {
    return {2.0 * static_cast<double>(node.in(0).elements()), operand_bytes(node)};
  }
  bool may_alias_input(const NodeView&, size_t input) const override { return input < 2; }
};

}  // namespace

const Op& gated_add_op() {
  static const GatedAddOp op;
  return op;
}

Tensor gated_add(Tensor x, Tensor y, Tensor gate) { return x.graph().add1(gated_add_op(), {x, y, gate}); }

}  // namespace zoetrope
