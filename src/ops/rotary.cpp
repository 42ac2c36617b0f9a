#include "ops/rotary.h"

namespace zoetrope {
namespace {

class RotaryOp final : public Op {
 public:
  std::string_view name() const override { return "rotary"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    const Shape &x = node.in(0), &cos = node.in(1);
    if (x.rank() != 4 || x[3] % 2 != 0) throw GraphError("x must be (B, L, H, D) with D even");
    if (cos.rank() != 2 || cos[1] != x[3] / 2 || cos[0] < 1 || !(cos == node.in(2)))
      throw GraphError("cos and sin must be (P, D/2)");
    if (node.has(3)) {
      const Shape& positions = node.in(3);
      if (node.inputs[3]->dtype != DType::i32 || positions.rank() != 2 || positions[1] != x[1] ||
          (positions[0] != x[0] && positions[0] != 1))
        throw GraphError("positions must be int32 (B, L) or (1, L)");
    } else if (cos[0] < x[1]) {
      throw GraphError("cos and sin have fewer rows than x has tokens");
    }
    return {{DType::f32, x}};
  }
  Cost cost(const NodeView& node) const override {
    return {3.0 * static_cast<double>(node.in(0).elements()), operand_bytes(node)};
  }
  bool may_alias_input(const NodeView&, size_t input) const override { return input == 0; }
};

}  // namespace

const Op& rotary_op() {
  static const RotaryOp op;
  return op;
}

Tensor rotary(Tensor x, Tensor cos, Tensor sin, RotaryStyle style, Tensor positions) {
  auto attributes = std::make_shared<RotaryAttributes>();
  attributes->style = style;
  return x.graph().add1(rotary_op(), {x, cos, sin, positions}, attributes);
}

}  // namespace zoetrope
