#include "ops/embedding.h"

namespace zoetrope {
namespace {

class EmbeddingOp final : public Op {
 public:
  std::string_view name() const override { return "embedding"; }
  bool takes_narrow(size_t input) const override { return input == 1; }
  std::vector<ValueType> infer(const NodeView& node) const override {
    const Shape &ids = node.in(0), &table = node.in(1);
    if (node.inputs[0]->dtype != DType::i32) throw GraphError("ids must be int32");
    if (table.rank() != 2 || table[0] < 1) throw GraphError("table must be (V, D) with at least one row");
    if (ids.rank() >= Shape::kMaxRank) throw GraphError("ids have too many axes");
    std::vector<int64_t> out(ids.begin(), ids.end());
    out.push_back(table[1]);
    return {{DType::f32, Shape(std::span<const int64_t>(out))}};
  }
  // Only the chosen rows of the table are read.
  Cost cost(const NodeView& node) const override {
    const auto elements = static_cast<double>(node.out().elements());
    return {0, static_cast<double>(node.in(0).elements()) * 4 + elements * 4 +
                   elements * static_cast<double>(size_of(node.inputs[1]->dtype))};
  }
};

}  // namespace

const Op& embedding_op() {
  static const EmbeddingOp op;
  return op;
}

Tensor embedding(Tensor ids, Tensor table) { return ids.graph().add1(embedding_op(), {ids, table}); }

}  // namespace zoetrope
