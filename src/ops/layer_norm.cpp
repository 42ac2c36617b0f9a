#include "ops/layer_norm.h"

#include <fmt/format.h>

namespace zoetrope {
namespace {

class LayerNormOp final : public Op {
 public:
  std::string_view name() const override { return "layer_norm"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    if (node.in(0).rank() < 1) throw GraphError("x must have at least one axis");
    for (size_t i : {size_t{1}, size_t{2}})
      if (node.has(i) && !(node.in(i) == Shape{node.in(0)[-1]}))
        throw GraphError("weight and bias must be (C) for x (..., C)");
    return {{DType::f32, node.in(0)}};
  }
  Cost cost(const NodeView& node) const override {
    return {8.0 * static_cast<double>(node.in(0).elements()), operand_bytes(node)};
  }
  bool may_alias_input(const NodeView&, size_t input) const override { return input == 0; }
};

}  // namespace

std::string LayerNormAttributes::text() const { return fmt::format("eps={}", eps); }

const Op& layer_norm_op() {
  static const LayerNormOp op;
  return op;
}

Tensor layer_norm(Tensor x, Tensor weight, Tensor bias, float eps) {
  auto attributes = std::make_shared<LayerNormAttributes>();
  attributes->eps = eps;
  return x.graph().add1(layer_norm_op(), {x, weight, bias}, attributes);
}

}  // namespace zoetrope
