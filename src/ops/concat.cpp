#include "ops/concat.h"

#include <fmt/format.h>

#include "ops/axis.h"

namespace zoetrope {
namespace {

class ConcatOp final : public Op {
 public:
  std::string_view name() const override { return "concat"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    const int axis = resolve_axis(node.in(0), node.attrs<ConcatAttributes>().axis);
    Shape out = node.in(0);
    for (size_t i = 1; i < node.inputs.size(); ++i) {
      Shape part = node.in(i);
      if (part.rank() != out.rank() || !same_kind(node.inputs[i]->dtype, node.inputs[0]->dtype))
        throw GraphError("all parts must have one type and one rank");
      const int64_t extent = part[axis];
      part[axis] = out[axis];
      if (!(part == out)) throw GraphError(fmt::format("the parts may differ in axis {} alone", axis));
      out[axis] += extent;
    }
    return {{node.inputs[0]->dtype, out}};
  }
};

}  // namespace

std::string ConcatAttributes::text() const { return fmt::format("axis={}", axis); }

const Op& concat_op() {
  static const ConcatOp op;
  return op;
}

Tensor concat(const std::vector<Tensor>& parts, int axis) {
  if (parts.empty()) throw GraphError("concat needs at least one part");
  auto attributes = std::make_shared<ConcatAttributes>();
  attributes->axis = resolve_axis(parts[0].shape(), axis);
  return parts[0].graph().add1(concat_op(), parts, attributes);
}

}  // namespace zoetrope
