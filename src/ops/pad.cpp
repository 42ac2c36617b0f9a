#include "ops/pad.h"

#include <fmt/format.h>

#include "ops/axis.h"

namespace zoetrope {
namespace {

class PadOp final : public Op {
 public:
  std::string_view name() const override { return "pad"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    const auto& settings = node.attrs<PadAttributes>();
    Shape out = node.in(0);
    const int axis = resolve_axis(out, settings.axis);
    if (settings.before < 0 || settings.after < 0) throw GraphError("padding must not be negative");
    out[axis] += settings.before + settings.after;
    return {{node.inputs[0]->dtype, out}};
  }
};

}  // namespace

std::string PadAttributes::text() const { return fmt::format("axis={} {}+{}", axis, before, after); }

const Op& pad_op() {
  static const PadOp op;
  return op;
}

Tensor pad(Tensor x, int axis, int64_t before, int64_t after) {
  auto attributes = std::make_shared<PadAttributes>();
  attributes->axis = resolve_axis(x.shape(), axis);
  attributes->before = before, attributes->after = after;
  return x.graph().add1(pad_op(), {x}, attributes);
}

}  // namespace zoetrope
