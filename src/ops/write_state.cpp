#include "ops/write_state.h"

#include <fmt/format.h>

#include "ops/axis.h"

namespace zoetrope {
namespace {

class WriteStateOp final : public Op {
 public:
  std::string_view name() const override { return "write_state"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    const auto& settings = node.attrs<WriteStateAttributes>();
    const Shape& state = node.in(0);
    Shape value = node.in(1);
    const int axis = resolve_axis(state, settings.axis);
    if (value.rank() != state.rank() || !same_kind(node.inputs[0]->dtype, node.inputs[1]->dtype))
      throw GraphError("state and value must have one type and one rank");
    if (settings.start < 0 || settings.start > state[axis] - value[axis])
      throw GraphError(
          fmt::format("rows [{}, {}) lie outside the state", settings.start, settings.start + value[axis]));
    value[axis] = state[axis];
    if (!(value == state)) throw GraphError(fmt::format("state and value may differ in axis {} alone", axis));
    if (node.has(2) && (node.inputs[2]->dtype != DType::i32 || !(node.in(2) == Shape{1})))
      throw GraphError("position must be int32 (1)");
    return {};
  }
  // Only the rows of the value are written.
  Cost cost(const NodeView& node) const override {
    return {0, 2.0 * static_cast<double>(node.in(1).elements()) *
                   static_cast<double>(size_of(node.inputs[1]->dtype))};
  }
  bool mutates(const NodeView&, size_t input) const override { return input == 0; }
};

}  // namespace

std::string WriteStateAttributes::text() const {
  return fmt::format("axis={}{}", axis, start ? fmt::format(" start={}", start) : "");
}

const Op& write_state_op() {
  static const WriteStateOp op;
  return op;
}

void write_state(Tensor state, Tensor value, int axis, int64_t start, Tensor position) {
  auto attributes = std::make_shared<WriteStateAttributes>();
  attributes->axis = resolve_axis(state.shape(), axis);
  attributes->start = start;
  state.graph().add(write_state_op(), {state, value, position}, attributes);
}

}  // namespace zoetrope
