#include "ops/slice.h"

#include <fmt/format.h>

#include "ops/axis.h"

namespace zoetrope {
namespace {

class SliceOp final : public Op {
 public:
  std::string_view name() const override { return "slice"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    const auto& settings = node.attrs<SliceAttributes>();
    Shape out = node.in(0);
    const int axis = resolve_axis(out, settings.axis);
    if (settings.start < 0 || settings.length < 0 || settings.start > out[axis] - settings.length)
      throw GraphError(fmt::format("[{}, {}+{}) lies outside axis {} of {}", settings.start, settings.start,
                                   settings.length, axis, out.text()));
    out[axis] = settings.length;
    return {{node.inputs[0]->dtype, out}};
  }
  // What is read is what is written.
  Cost cost(const NodeView& node) const override {
    return {0, 2.0 * static_cast<double>(node.out().elements()) *
                   static_cast<double>(size_of(node.outputs[0]->dtype))};
  }
  std::optional<int64_t> view_offset(const NodeView& node) const override {
    const auto& settings = node.attrs<SliceAttributes>();
    const AxisSplit split = split_at(node.in(0), settings.axis);
    if (split.outer != 1) return std::nullopt;
    return settings.start * split.inner * static_cast<int64_t>(size_of(node.inputs[0]->dtype));
  }
};

}  // namespace

std::string SliceAttributes::text() const {
  return fmt::format("axis={} [{}, {})", axis, start, start + length);
}

const Op& slice_op() {
  static const SliceOp op;
  return op;
}

Tensor slice(Tensor x, int axis, int64_t start, int64_t length) {
  auto attributes = std::make_shared<SliceAttributes>();
  attributes->axis = resolve_axis(x.shape(), axis);
  attributes->start = start, attributes->length = length;
  return x.graph().add1(slice_op(), {x}, attributes);
}

}  // namespace zoetrope
