#include "ops/timestep_embedding.h"

#include <fmt/format.h>

namespace zoetrope {
namespace {

class TimestepEmbeddingOp final : public Op {
 public:
  std::string_view name() const override { return "timestep_embedding"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    const auto& settings = node.attrs<TimestepEmbeddingAttributes>();
    const Shape& t = node.in(0);
    if (node.inputs[0]->dtype != DType::f32) throw GraphError("t must be float32");
    if (t.rank() >= Shape::kMaxRank) throw GraphError("t has too many axes");
    const int64_t half = settings.dim / 2;
    if (half < 1 || static_cast<float>(half) <= settings.options.downscale_freq_shift)
      throw GraphError(fmt::format("dim {} is too small", settings.dim));
    std::vector<int64_t> out(t.begin(), t.end());
    out.push_back(settings.dim);
    return {{DType::f32, Shape(std::span<const int64_t>(out))}};
  }
  Cost cost(const NodeView& node) const override {
    return {20.0 * static_cast<double>(node.out().elements()), operand_bytes(node)};
  }
};

}  // namespace

std::string TimestepEmbeddingAttributes::text() const {
  return fmt::format("dim={}{} shift={} scale={} period={}", dim, options.flip_sin_to_cos ? " cos,sin" : "",
                     options.downscale_freq_shift, options.scale, options.max_period);
}

const Op& timestep_embedding_op() {
  static const TimestepEmbeddingOp op;
  return op;
}

Tensor timestep_embedding(Tensor t, int64_t dim, const TimestepEmbeddingOptions& options) {
  auto attributes = std::make_shared<TimestepEmbeddingAttributes>();
  attributes->dim = dim;
  attributes->options = options;
  return t.graph().add1(timestep_embedding_op(), {t}, attributes);
}

}  // namespace zoetrope
