#include "ops/linear.h"

#include <fmt/format.h>

namespace zoetrope {
namespace {

class LinearOp final : public Op {
 public:
  std::string_view name() const override { return "linear"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    const Shape &x = node.in(0), &weight = node.in(1);
    if (x.rank() < 1 || weight.rank() != 2 || x[-1] != weight[1])
      throw GraphError("x (..., K) and weight (N, K) do not go together");
    Shape out = x;
    out[-1] = weight[0];
    if (node.has(2) && !(node.in(2) == Shape{weight[0]})) throw GraphError("bias must be (N)");
    if (node.has(3) && !(node.in(3) == out)) throw GraphError("residual must have the shape of the result");
    return {{DType::f32, out}};
  }
  Cost cost(const NodeView& node) const override {
    return {2.0 * static_cast<double>(node.in(0).elements()) * static_cast<double>(node.in(1)[0]),
            operand_bytes(node)};
  }
  bool takes_narrow(size_t input) const override { return input == 1; }
  // The product can be accumulated onto the residual.
  bool may_alias_input(const NodeView&, size_t input) const override { return input == 3; }
};

}  // namespace

std::string LinearAttributes::text() const { return scale == 1.0f ? "" : fmt::format("scale={}", scale); }

const Op& linear_op() {
  static const LinearOp op;
  return op;
}

Tensor linear(Tensor x, Tensor weight, Tensor bias, Tensor residual, float scale) {
  auto attributes = std::make_shared<LinearAttributes>();
  attributes->scale = scale;
  return x.graph().add1(linear_op(), {x, weight, bias, residual}, attributes);
}

}  // namespace zoetrope
