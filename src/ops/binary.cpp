#include "ops/binary.h"

#include <array>

namespace zoetrope {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"add", "subtract", "multiply", "minimum", "maximum"};

Shape broadcast(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  Shape out = a.rank() >= b.rank() ? a : b;
  for (int back = 1; back <= rank; ++back) {
    const int64_t x = back <= a.rank() ? a[-back] : 1, y = back <= b.rank() ? b[-back] : 1;
    if (x != y && x != 1 && y != 1) throw GraphError("the shapes do not broadcast");
    out[-back] = x == 1 ? y : x;
  }
  return out;
}

class BinaryOp final : public Op {
 public:
  std::string_view name() const override { return "binary"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    if (!is_floating(node.inputs[0]->dtype) || !is_floating(node.inputs[1]->dtype))
      throw GraphError("both operands must be floating");
    return {{DType::f32, broadcast(node.in(0), node.in(1))}};
  }
  Cost cost(const NodeView& node) const override {
    return {static_cast<double>(node.out().elements()), operand_bytes(node)};
  }
  bool may_alias_input(const NodeView& node, size_t input) const override {
    return node.in(input) == node.out();
  }
};

}  // namespace

std::string BinaryAttributes::text() const { return std::string(kNames[static_cast<size_t>(kind)]); }

const Op& binary_op() {
  static const BinaryOp op;
  return op;
}

Tensor binary(BinaryKind kind, Tensor a, Tensor b) {
  auto attributes = std::make_shared<BinaryAttributes>();
  attributes->kind = kind;
  return a.graph().add1(binary_op(), {a, b}, attributes);
}

Tensor add(Tensor a, Tensor b) { return binary(BinaryKind::add, a, b); }
Tensor subtract(Tensor a, Tensor b) { return binary(BinaryKind::subtract, a, b); }
Tensor multiply(Tensor a, Tensor b) { return binary(BinaryKind::multiply, a, b); }
Tensor minimum(Tensor a, Tensor b) { return binary(BinaryKind::minimum, a, b); }
Tensor maximum(Tensor a, Tensor b) { return binary(BinaryKind::maximum, a, b); }

}  // namespace zoetrope
