#include "ops/modulated_norm.h"

#include <fmt/format.h>

#include "ops/row_broadcast.h"

namespace zoetrope {
namespace {

class ModulatedNormOp final : public Op {
 public:
  std::string_view name() const override { return "modulated_norm"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    if (!is_row_for(node.in(1), node.in(0)) || !is_row_for(node.in(2), node.in(0)))
      throw GraphError("x (B, L, D) needs scale and shift of (B, 1, D), (B, L, D) or (1, 1, D)");
    return {{DType::f32, node.in(0)}};
  }
  Cost cost(const NodeView& node) const override {
    return {11.0 * static_cast<double>(node.in(0).elements()), operand_bytes(node)};
  }
  bool may_alias_input(const NodeView&, size_t input) const override { return input == 0; }
};

}  // namespace

std::string ModulatedNormAttributes::text() const { return fmt::format("eps={}", eps); }

const Op& modulated_norm_op() {
  static const ModulatedNormOp op;
  return op;
}

Tensor modulated_norm(Tensor x, Tensor scale, Tensor shift, float eps) {
  auto attributes = std::make_shared<ModulatedNormAttributes>();
  attributes->eps = eps;
  return x.graph().add1(modulated_norm_op(), {x, scale, shift}, attributes);
}

}  // namespace zoetrope
