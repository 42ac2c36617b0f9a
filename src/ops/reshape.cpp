#include "ops/reshape.h"

namespace zoetrope {
namespace {

class ReshapeOp final : public Op {
 public:
  std::string_view name() const override { return "reshape"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    const Shape& shape = node.attrs<ReshapeAttributes>().shape;
    if (shape.elements() != node.in(0).elements())
      throw GraphError("the number of elements of " + shape.text() + " is another");
    return {{node.inputs[0]->dtype, shape}};
  }
  Cost cost(const NodeView&) const override { return {}; }
  std::optional<int64_t> view_offset(const NodeView&) const override { return 0; }
};

}  // namespace

const Op& reshape_op() {
  static const ReshapeOp op;
  return op;
}

Tensor reshape(Tensor x, const Shape& shape) {
  auto attributes = std::make_shared<ReshapeAttributes>();
  attributes->shape = shape;
  return x.graph().add1(reshape_op(), {x}, attributes);
}

}  // namespace zoetrope
