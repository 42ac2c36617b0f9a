#include "ops/rms_norm_rotary.h"

#include <fmt/format.h>

namespace zoetrope {
namespace {

class RmsNormRotaryOp final : public Op {
 public:
  std::string_view name() const override { return "rms_norm_rotary"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    const int64_t heads = node.attrs<RmsNormRotaryAttributes>().heads;
    const Shape &x = node.in(0), &cos = node.in(2);
    if (heads < 1 || x.rank() != 3 || x[2] % (2 * heads) != 0)
      throw GraphError(fmt::format("x must be (B, L, H d) with H = {} and d even", heads));
    const int64_t width = x[2] / heads;
    if (node.has(1) && !(node.in(1) == Shape{x[2]})) throw GraphError("weight must be (H d)");
    if (cos.rank() != 2 || cos[1] != width / 2 || cos[0] < x[1] || !(cos == node.in(3)))
      throw GraphError("cos and sin must be (P, d/2) with a row for each token of x");
    return {{DType::f32, Shape{x[0], x[1], heads, width}}};
  }
  Cost cost(const NodeView& node) const override {
    return {7.0 * static_cast<double>(node.in(0).elements()), operand_bytes(node)};
  }
  bool may_alias_input(const NodeView&, size_t input) const override { return input == 0; }
};

}  // namespace

std::string RmsNormRotaryAttributes::text() const { return fmt::format("heads={} eps={}", heads, eps); }

const Op& rms_norm_rotary_op() {
  static const RmsNormRotaryOp op;
  return op;
}

Tensor rms_norm_rotary(Tensor x, Tensor weight, Tensor cos, Tensor sin, int64_t heads, float eps) {
  auto attributes = std::make_shared<RmsNormRotaryAttributes>();
  attributes->heads = heads, attributes->eps = eps;
  return x.graph().add1(rms_norm_rotary_op(), {x, weight, cos, sin}, attributes);
}

}  // namespace zoetrope
