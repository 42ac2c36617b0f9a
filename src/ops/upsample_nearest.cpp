#include "ops/upsample_nearest.h"

#include <fmt/format.h>

namespace zoetrope {
namespace {

class UpsampleNearestOp final : public Op {
 public:
  std::string_view name() const override { return "upsample_nearest"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    const auto& settings = node.attrs<UpsampleNearestAttributes>();
    Shape out = node.in(0);
    if (out.rank() != 5) throw GraphError("x must be (B, T, H, W, C)");
    if (settings.factor_h < 1 || settings.factor_w < 1) throw GraphError("factors must be positive");
    out[2] *= settings.factor_h, out[3] *= settings.factor_w;
    return {{DType::f32, out}};
  }
};

}  // namespace

std::string UpsampleNearestAttributes::text() const { return fmt::format("{}x{}", factor_h, factor_w); }

const Op& upsample_nearest_op() {
  static const UpsampleNearestOp op;
  return op;
}

Tensor upsample_nearest(Tensor x, int64_t factor_h, int64_t factor_w) {
  auto attributes = std::make_shared<UpsampleNearestAttributes>();
  attributes->factor_h = factor_h, attributes->factor_w = factor_w;
  return x.graph().add1(upsample_nearest_op(), {x}, attributes);
}

}  // namespace zoetrope
