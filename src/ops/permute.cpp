#include "ops/permute.h"

namespace zoetrope {
namespace {

class PermuteOp final : public Op {
 public:
  std::string_view name() const override { return "permute"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    const std::vector<int>& axes = node.attrs<PermuteAttributes>().axes;
    const Shape& x = node.in(0);
    if (static_cast<int>(axes.size()) != x.rank()) throw GraphError("one axis is needed for each of x");
    Shape out = x;
    unsigned seen = 0;
    for (int i = 0; i < x.rank(); ++i) {
      const int axis = axes[static_cast<size_t>(i)];
      if (axis < 0 || axis >= x.rank() || (seen >> axis & 1u))
        throw GraphError("each axis of x must be named once");
      seen |= 1u << axis;
      out[i] = x[axis];
    }
    return {{node.inputs[0]->dtype, out}};
  }
  std::optional<int64_t> view_offset(const NodeView& node) const override {
    int last = -1;
    for (int axis : node.attrs<PermuteAttributes>().axes) {
      if (node.in(0)[axis] == 1) continue;
      if (axis < last) return std::nullopt;
      last = axis;
    }
    return 0;
  }
};

}  // namespace

std::string PermuteAttributes::text() const {
  std::string text;
  for (int axis : axes) {
    if (!text.empty()) text += ' ';
    text += std::to_string(axis);
  }
  return text;
}

const Op& permute_op() {
  static const PermuteOp op;
  return op;
}

Tensor permute(Tensor x, const std::vector<int>& axes) {
  auto attributes = std::make_shared<PermuteAttributes>();
  attributes->axes = axes;
  return x.graph().add1(permute_op(), {x}, attributes);
}

}  // namespace zoetrope
