#include "ops/repeat.h"

#include <fmt/format.h>

#include "ops/axis.h"

namespace zoetrope {
namespace {

class RepeatOp final : public Op {
 public:
  std::string_view name() const override { return "repeat"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    const auto& settings = node.attrs<RepeatAttributes>();
    Shape out = node.in(0);
    const int axis = resolve_axis(out, settings.axis);
    if (settings.times < 1) throw GraphError("times must be positive");
    out[axis] *= settings.times;
    return {{node.inputs[0]->dtype, out}};
  }
};

}  // namespace

std::string RepeatAttributes::text() const { return fmt::format("axis={} times={}", axis, times); }

const Op& repeat_op() {
  static const RepeatOp op;
  return op;
}

Tensor repeat(Tensor x, int axis, int64_t times) {
  auto attributes = std::make_shared<RepeatAttributes>();
  attributes->axis = resolve_axis(x.shape(), axis);
  attributes->times = times;
  return x.graph().add1(repeat_op(), {x}, attributes);
}

}  // namespace zoetrope
