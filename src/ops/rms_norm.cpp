#include "ops/rms_norm.h"

#include <fmt/format.h>

namespace zoetrope {
namespace {

class RmsNormOp final : public Op {
 public:
  std::string_view name() const override { return "rms_norm"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    if (node.in(0).rank() < 1) throw GraphError("x must have at least one axis");
    if (node.has(1) && !(node.in(1) == Shape{node.in(0)[-1]}))
      throw GraphError("weight must be (C) for x (..., C)");
    return {{DType::f32, node.in(0)}};
  }
  Cost cost(const NodeView& node) const override {
    return {4.0 * static_cast<double>(node.in(0).elements()), operand_bytes(node)};
  }
  bool may_alias_input(const NodeView&, size_t input) const override { return input == 0; }
};

Tensor make(Tensor x, Tensor weight, float eps, bool l2, bool with_silu) {
  auto attributes = std::make_shared<RmsNormAttributes>();
  attributes->eps = eps, attributes->l2 = l2, attributes->silu = with_silu;
  return x.graph().add1(rms_norm_op(), {x, weight}, attributes);
}

}  // namespace

std::string RmsNormAttributes::text() const {
  return fmt::format("eps={}{}{}", eps, l2 ? " l2" : "", silu ? " silu" : "");
}

const Op& rms_norm_op() {
  static const RmsNormOp op;
  return op;
}

Tensor rms_norm(Tensor x, Tensor weight, float eps) { return make(x, weight, eps, false, false); }
Tensor l2_norm(Tensor x, Tensor weight, bool with_silu) { return make(x, weight, 1e-12f, true, with_silu); }

}  // namespace zoetrope
