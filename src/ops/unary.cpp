#include "ops/unary.h"

#include <fmt/format.h>

#include <array>

namespace zoetrope {
namespace {

constexpr std::array<std::string_view, 11> kNames = {
    "silu", "gelu", "gelu_tanh", "relu", "tanh", "sigmoid", "exp", "neg", "scale", "clamp", "identity"};

class UnaryOp final : public Op {
 public:
  std::string_view name() const override { return "unary"; }
  std::vector<ValueType> infer(const NodeView& node) const override { return {{DType::f32, node.in(0)}}; }
  Cost cost(const NodeView& node) const override {
    return {8.0 * static_cast<double>(node.in(0).elements()), operand_bytes(node)};
  }
  bool may_alias_input(const NodeView&, size_t input) const override { return input == 0; }
};

Tensor make(UnaryKind kind, Tensor x, float a = 0, float b = 0) {
  auto attributes = std::make_shared<UnaryAttributes>();
  attributes->kind = kind, attributes->a = a, attributes->b = b;
  return x.graph().add1(unary_op(), {x}, attributes);
}

}  // namespace

std::string_view name_of(UnaryKind kind) { return kNames[static_cast<size_t>(kind)]; }

std::string UnaryAttributes::text() const {
  const std::string_view name = name_of(kind);
  if (kind == UnaryKind::scale) return fmt::format("{} {}", name, a);
  return kind == UnaryKind::clamp ? fmt::format("{} {} {}", name, a, b) : std::string(name);
}

const Op& unary_op() {
  static const UnaryOp op;
  return op;
}

Tensor unary(UnaryKind kind, Tensor x) { return make(kind, x); }
Tensor silu(Tensor x) { return make(UnaryKind::silu, x); }
Tensor gelu(Tensor x) { return make(UnaryKind::gelu, x); }
Tensor gelu_tanh(Tensor x) { return make(UnaryKind::gelu_tanh, x); }
Tensor relu(Tensor x) { return make(UnaryKind::relu, x); }
Tensor scaled(Tensor x, float factor) { return make(UnaryKind::scale, x, factor); }
Tensor clamped(Tensor x, float low, float high) { return make(UnaryKind::clamp, x, low, high); }

}  // namespace zoetrope
