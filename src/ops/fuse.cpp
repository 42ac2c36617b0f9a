#include "ops/fuse.h"

#include <optional>

#include "ops/feed_forward.h"
#include "ops/linear.h"
#include "ops/unary.h"

namespace zoetrope {
namespace {

class FeedForwardFusion {
 public:
  FeedForwardFusion(Graph& graph, int64_t chunk_rows) : graph_(graph), chunk_rows_(chunk_rows) {
    readers_.assign(graph.values().size(), 0);
    maker_.assign(graph.values().size(), nullptr);
    for (const Node& node : graph.nodes()) {
      for (ValueId id : node.inputs)
        if (id != kNoValue) ++readers_[static_cast<size_t>(id)];
      for (ValueId id : node.outputs) maker_[static_cast<size_t>(id)] = &node;
    }
  }

  void run() {
    std::vector<Node> nodes;
    for (const Node& node : graph_.nodes()) {
      const auto fused = fuse(node);
      nodes.push_back(fused ? *fused : node);
    }
    std::erase_if(nodes,
                  [&](const Node& node) { return node.outputs.size() == 1 && replaced_[node.outputs[0]]; });
    graph_.replace_nodes(std::move(nodes));
  }

 private:
  // The node that makes `id`, where nothing but one node reads it and it could as well not exist.
  const Node* hidden_maker(ValueId id, const Op& op) const {
    const auto i = static_cast<size_t>(id);
    const Value& value = graph_.value(id);
    const Node* maker = maker_[i];
    if (!maker || maker->op != &op || readers_[i] != 1 || value.is_output || value.rounding != DType::f32)
      return nullptr;
    return maker;
  }

  static bool is_plain(const Node& linear) {
    return static_cast<const LinearAttributes&>(*linear.attributes).scale == 1.0f;
  }

  std::optional<Node> fuse(const Node& second) {
    if (second.op != &linear_op() || !is_plain(second)) return std::nullopt;
    const Node* act = hidden_maker(second.inputs[0], unary_op());
    if (!act) return std::nullopt;
    const UnaryKind kind = static_cast<const UnaryAttributes&>(*act->attributes).kind;
    const Node* first = is_activation(kind) ? hidden_maker(act->inputs[0], linear_op()) : nullptr;
    if (!first || !is_plain(*first) || first->inputs[3] != kNoValue) return std::nullopt;
    auto attributes = std::make_shared<FeedForwardAttributes>();
    attributes->kind = kind;
    attributes->chunk_rows = chunk_rows_;
    replaced_[act->outputs[0]] = replaced_[first->outputs[0]] = true;
    return Node{.op = &feed_forward_op(),
                .attributes = attributes,
                .inputs = {first->inputs[0], first->inputs[1], first->inputs[2], second.inputs[1],
                           second.inputs[2], second.inputs[3]},
                .outputs = second.outputs,
                .scope = second.scope};
  }

  Graph& graph_;
  int64_t chunk_rows_;
  std::vector<int> readers_;
  std::vector<const Node*> maker_;
  std::map<ValueId, bool> replaced_;  // values that exist no more
};

}  // namespace

Pass fuse_feed_forward(int64_t chunk_rows) {
  return {"fuse_feed_forward", [chunk_rows](Graph& graph) { FeedForwardFusion(graph, chunk_rows).run(); }};
}

}  // namespace zoetrope
