#include "ops/linear_combination.h"

namespace zoetrope {
namespace {

class LinearCombinationOp final : public Op {
 public:
  std::string_view name() const override { return "linear_combination"; }
  // The coefficients are the last input.
  std::vector<ValueType> infer(const NodeView& node) const override {
    const size_t terms = node.inputs.size() - 1;
    if (terms < 1) throw GraphError("at least one term is needed");
    for (size_t i = 0; i < terms; ++i)
      if (!(node.in(i) == node.in(0)) || !is_floating(node.inputs[i]->dtype))
        throw GraphError("all terms must be float32 of one shape");
    if (!(node.in(terms) == Shape{static_cast<int64_t>(terms)}) || node.inputs[terms]->dtype != DType::f32)
      throw GraphError("one float32 coefficient is needed for each term");
    return {{DType::f32, node.in(0)}};
  }
  Cost cost(const NodeView& node) const override {
    return {2.0 * static_cast<double>(node.out().elements()) * static_cast<double>(node.inputs.size() - 1),
            operand_bytes(node)};
  }
  bool may_alias_input(const NodeView& node, size_t input) const override {
    return input + 1 < node.inputs.size();
  }
};

}  // namespace

const Op& linear_combination_op() {
  static const LinearCombinationOp op;
  return op;
}

Tensor linear_combination(const std::vector<Tensor>& terms, Tensor coefficients) {
  std::vector<Tensor> inputs = terms;
  inputs.push_back(coefficients);
  return coefficients.graph().add1(linear_combination_op(), inputs);
}

}  // namespace zoetrope
