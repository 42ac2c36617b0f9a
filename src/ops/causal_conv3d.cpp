#include "ops/causal_conv3d.h"

#include <fmt/format.h>

#include <algorithm>

namespace zoetrope {
namespace {

class CausalConv3dOp final : public Op {
 public:
  std::string_view name() const override { return "causal_conv3d"; }
  bool takes_narrow(size_t input) const override { return input == 1; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    const Conv3dOptions& o = node.attrs<Conv3dAttributes>().options;
    const Shape &x = node.in(0), &w = node.in(1);
    if (x.rank() != 5 || w.rank() != 5 || w[1] != x[4])
      throw GraphError("x (B, T, H, W, C) and weight (O, C, kt, kh, kw) do not go together");
    if (std::min<int64_t>({o.stride_t, o.stride_h, o.stride_w, w[2], w[3], w[4]}) < 1)
      throw GraphError("strides and the kernel's extents must be positive");
    if (std::min<int64_t>({o.pad_h_before, o.pad_h_after, o.pad_w_before, o.pad_w_after, o.cache_frames}) < 0)
      throw GraphError("padding and cache frames must not be negative");
    Conv3dOptions single = o;
    single.upsample = 1;
    if (o.upsample != 1 && (o.upsample != 2 || !can_double(single, w)))
      throw GraphError("only a 3 x 3 kernel with stride 1 and padding 1 can double the frames first");
    const int64_t frames = o.cache_frames + x[1] - w[2],
                  rows = x[2] * o.upsample + o.pad_h_before + o.pad_h_after - w[3],
                  columns = x[3] * o.upsample + o.pad_w_before + o.pad_w_after - w[4];
    if (frames < 0 || rows < 0 || columns < 0) throw GraphError("the kernel is larger than the padded input");
    const Shape out{x[0], frames / o.stride_t + 1, rows / o.stride_h + 1, columns / o.stride_w + 1, w[0]};
    if (node.has(2) && !(node.in(2) == Shape{w[0]})) throw GraphError("bias must be (O)");
    if (node.has(3) && !(node.in(3) == Shape{x[0], o.cache_frames, x[2], x[3], x[4]}))
      throw GraphError(fmt::format("cache must be (B, {}, H, W, C)", o.cache_frames));
    if (node.has(4) && !(node.in(4) == out)) throw GraphError("residual must have the shape of the result");
    return {{DType::f32, out}};
  }
  Cost cost(const NodeView& node) const override {
    const Shape& w = node.in(1);
    return {2.0 * static_cast<double>(node.out().elements()) * static_cast<double>(w.elements(1, 5)),
            operand_bytes(node)};
  }
  bool may_alias_input(const NodeView&, size_t input) const override { return input == 4; }
  bool mutates(const NodeView&, size_t input) const override { return input == 3; }
};

}  // namespace

std::string Conv3dAttributes::text() const {
  const Conv3dOptions& o = options;
  return fmt::format("stride={},{},{} pad={},{},{},{} cache={}{}", o.stride_t, o.stride_h, o.stride_w,
                     o.pad_h_before, o.pad_h_after, o.pad_w_before, o.pad_w_after, o.cache_frames,
                     o.upsample == 2 ? " doubled" : "");
}

bool can_double(const Conv3dOptions& o, const Shape& weight) {
  return o.upsample == 1 && weight[3] == 3 && weight[4] == 3 && o.stride_h == 1 && o.stride_w == 1 &&
         o.pad_h_before == 1 && o.pad_h_after == 1 && o.pad_w_before == 1 && o.pad_w_after == 1;
}

const Op& causal_conv3d_op() {
  static const CausalConv3dOp op;
  return op;
}

Tensor causal_conv3d(Tensor x, Tensor weight, Tensor bias, Tensor cache, const Conv3dOptions& options,
                     Tensor residual) {
  auto attributes = std::make_shared<Conv3dAttributes>();
  attributes->options = options;
  return x.graph().add1(causal_conv3d_op(), {x, weight, bias, cache, residual}, attributes);
}

}  // namespace zoetrope
