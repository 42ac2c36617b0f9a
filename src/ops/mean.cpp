#include "ops/mean.h"

#include <fmt/format.h>

#include "ops/axis.h"

namespace zoetrope {
namespace {

class MeanOp final : public Op {
 public:
  std::string_view name() const override { return "mean"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    const auto& settings = node.attrs<MeanAttributes>();
    const Shape& x = node.in(0);
    const int axis = resolve_axis(x, settings.axis);
    if (!is_floating(node.inputs[0]->dtype)) throw GraphError("x must be floating");
    if (x[axis] < 1) throw GraphError("there is nothing to average");
    std::vector<int64_t> out(x.begin(), x.end());
    if (settings.keep_axis)
      out[static_cast<size_t>(axis)] = 1;
    else
      out.erase(out.begin() + axis);
    return {{DType::f32, Shape(std::span<const int64_t>(out))}};
  }
  Cost cost(const NodeView& node) const override {
    return {static_cast<double>(node.in(0).elements()), operand_bytes(node)};
  }
};

}  // namespace

std::string MeanAttributes::text() const { return fmt::format("axis={}", axis); }

const Op& mean_op() {
  static const MeanOp op;
  return op;
}

Tensor mean(Tensor x, int axis, bool keep_axis) {
  auto attributes = std::make_shared<MeanAttributes>();
  attributes->axis = resolve_axis(x.shape(), axis);
  attributes->keep_axis = keep_axis;
  return x.graph().add1(mean_op(), {x}, attributes);
}

}  // namespace zoetrope
