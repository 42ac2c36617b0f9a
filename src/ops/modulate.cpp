#include "ops/modulate.h"

#include "ops/row_broadcast.h"

namespace zoetrope {
namespace {

class ModulateOp final : public Op {
 public:
  std::string_view name() const override { return "modulate"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    if (!is_row_for(node.in(1), node.in(0)) || !is_row_for(node.in(2), node.in(0)))
      throw GraphError("x (B, L, D) needs scale and shift of (B, 1, D), (B, L, D) or (1, 1, D)");
    return {{DType::f32, node.in(0)}};
  }
  Cost cost(const NodeView& node) const override {
    return {3.0 * static_cast<double>(node.in(0).elements()), operand_bytes(node)};
  }
  bool may_alias_input(const NodeView&, size_t input) const override { return input == 0; }
};

}  // namespace

const Op& modulate_op() {
  static const ModulateOp op;
  return op;
}

Tensor modulate(Tensor x, Tensor scale, Tensor shift) {
  return x.graph().add1(modulate_op(), {x, scale, shift});
}

}  // namespace zoetrope
