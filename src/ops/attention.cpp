#include "ops/attention.h"

#include <fmt/format.h>

#include <cmath>

namespace zoetrope {
namespace {

class AttentionOp final : public Op {
 public:
  std::string_view name() const override { return "attention"; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    const Shape &q = node.in(0), &k = node.in(1), &v = node.in(2);
    if (q.rank() != 4 || k.rank() != 4 || v.rank() != 4) throw GraphError("q, k and v must be (B, L, H, D)");
    if (k[0] != q[0] || v[0] != q[0] || v[1] != k[1] || v[2] != k[2] || k[3] != q[3])
      throw GraphError("q (B, Lq, Hq, D), k (B, Lk, Hkv, D) and v (B, Lk, Hkv, Dv) do not go together");
    if (k[2] < 1 || q[2] % k[2] != 0) throw GraphError("Hq must be a multiple of Hkv");
    if (node.has(3) && (node.inputs[3]->dtype != DType::i32 || !(node.in(3) == Shape{1})))
      throw GraphError("position must be int32 (1)");
    if (node.has(4) && (node.inputs[4]->dtype != DType::i32 || !(node.in(4) == Shape{q[0], k[1]})))
      throw GraphError("key_mask must be int32 (B, Lk)");
    if (node.has(5)) check_bias(node);
    return {{DType::f32, {q[0], q[1], q[2], v[3]}}};
  }
  // Two products; what a causal mask saves is not counted.
  Cost cost(const NodeView& node) const override {
    const Shape &q = node.in(0), &k = node.in(1), &v = node.in(2);
    const double scores =
        static_cast<double>(q[0] * q[2]) * static_cast<double>(q[1]) * static_cast<double>(k[1]);
    return {scores * 2.0 * static_cast<double>(q[3] + v[3]) + 10.0 * scores, operand_bytes(node)};
  }

 private:
  static void check_bias(const NodeView& node) {
    const auto& settings = node.attrs<AttentionAttributes>();
    const Shape& table = node.in(5);
    const int64_t least = settings.bias_bidirectional ? 4 : 2;
    if (table.rank() != 2 || table[1] != node.in(0)[2] || table[0] < least)
      throw GraphError(fmt::format("bias_table must be (num_buckets, Hq) with at least {} buckets", least));
    const int64_t exact = (settings.bias_bidirectional ? table[0] / 2 : table[0]) / 2;
    if (settings.bias_max_distance <= exact)
      throw GraphError(fmt::format("the bias's max distance {} must exceed its {} exact buckets",
                                   settings.bias_max_distance, exact));
  }
};

}  // namespace

std::string AttentionAttributes::text() const {
  return fmt::format("scale={}{}", scale, causal ? " causal" : "");
}

const Op& attention_op() {
  static const AttentionOp op;
  return op;
}

Tensor attention(Tensor q, Tensor k, Tensor v, const AttentionOptions& options) {
  auto attributes = std::make_shared<AttentionAttributes>();
  attributes->scale = options.scale;
  attributes->causal = options.causal;
  attributes->bias_bidirectional = options.bias_bidirectional;
  attributes->bias_max_distance = options.bias_max_distance;
  return q.graph().add1(attention_op(), {q, k, v, options.position, options.key_mask, options.bias_table},
                        attributes);
}

int64_t relative_position_bucket(int64_t relative_position, bool bidirectional, int64_t num_buckets,
                                 int64_t max_distance) {
  int64_t bucket = 0, distance = 0;
  if (bidirectional) {
    num_buckets /= 2;
    if (relative_position > 0) bucket = num_buckets;
    distance = std::abs(relative_position);
  } else {
    distance = std::max<int64_t>(-relative_position, 0);
  }
  const int64_t exact = num_buckets / 2;
  if (distance < exact) return bucket + distance;
  // In float32 and in this order: distances such as 16, 32, 64 lie on the edge between two buckets.
  const auto range =
      static_cast<float>(std::log(static_cast<double>(max_distance) / static_cast<double>(exact)));
  const float ratio = static_cast<float>(distance) / static_cast<float>(exact);
  const float steps = std::log(ratio) / range * static_cast<float>(num_buckets - exact);
  return bucket + std::min(num_buckets - 1, exact + static_cast<int64_t>(steps));
}

}  // namespace zoetrope
