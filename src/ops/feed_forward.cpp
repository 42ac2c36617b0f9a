#include "ops/feed_forward.h"

#include <fmt/format.h>

namespace zoetrope {
namespace {

class FeedForwardOp final : public Op {
 public:
  std::string_view name() const override { return "feed_forward"; }
  bool takes_narrow(size_t input) const override { return input == 1 || input == 3; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    const auto& settings = node.attrs<FeedForwardAttributes>();
    const Shape &x = node.in(0), &w1 = node.in(1), &w2 = node.in(3);
    if (x.rank() < 1 || w1.rank() != 2 || w2.rank() != 2 || w1[1] != x[-1] || w2[1] != w1[0])
      throw GraphError("x (..., K), w1 (N, K) and w2 (M, N) do not go together");
    if (node.has(2) && !(node.in(2) == Shape{w1[0]})) throw GraphError("b1 must be (N)");
    if (node.has(4) && !(node.in(4) == Shape{w2[0]})) throw GraphError("b2 must be (M)");
    if (!is_activation(settings.kind))
      throw GraphError("only silu, gelu, gelu_tanh and relu can stand between the products");
    if (settings.chunk_rows < 0) throw GraphError("chunk_rows must not be negative");
    Shape out = x;
    out[-1] = w2[0];
    if (node.has(5) && !(node.in(5) == out)) throw GraphError("residual must have the shape of the result");
    return {{DType::f32, out}};
  }
  Cost cost(const NodeView& node) const override {
    const Shape &x = node.in(0), &w1 = node.in(1), &w2 = node.in(3);
    const double rows = static_cast<double>(x.elements(0, x.rank() - 1));
    const double weights = static_cast<double>(w1.elements() + w2.elements());
    return {rows * (2.0 * weights + 8.0 * static_cast<double>(w1[0])), operand_bytes(node)};
  }
  bool may_alias_input(const NodeView&, size_t input) const override { return input == 5; }
};

}  // namespace

std::string FeedForwardAttributes::text() const {
  std::string text = fmt::format("{} chunk_rows={}", name_of(kind), chunk_rows);
  if (hidden_rounding != DType::f32) text += fmt::format(" hidden={}", name_of(hidden_rounding));
  return text;
}

const Op& feed_forward_op() {
  static const FeedForwardOp op;
  return op;
}

Tensor feed_forward(Tensor x, const FeedForwardWeights& weights, UnaryKind kind, int64_t chunk_rows,
                    Tensor residual) {
  auto attributes = std::make_shared<FeedForwardAttributes>();
  attributes->kind = kind;
  attributes->chunk_rows = chunk_rows;
  return x.graph().add1(feed_forward_op(), {x, weights.w1, weights.b1, weights.w2, weights.b2, residual},
                        attributes);
}

}  // namespace zoetrope
