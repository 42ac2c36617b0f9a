#include "ops/fuse.h"

#include <optional>
#include <set>

#include "ops/causal_conv3d.h"
#include "ops/feed_forward.h"
#include "ops/layer_norm.h"
#include "ops/linear.h"
#include "ops/modulate.h"
#include "ops/modulated_norm.h"
#include "ops/reshape.h"
#include "ops/rms_norm.h"
#include "ops/rms_norm_rotary.h"
#include "ops/rotary.h"
#include "ops/unary.h"
#include "ops/upsample_nearest.h"

namespace zoetrope {
namespace {

// Who makes a value and how many nodes read it, for passes that join a chain of nodes into its last one.
class Chains {
 public:
  explicit Chains(Graph& graph) : graph_(graph) {
    readers_.assign(graph.values().size(), 0);
    maker_.assign(graph.values().size(), nullptr);
    for (const Node& node : graph.nodes()) {
      for (ValueId id : node.inputs)
        if (id != kNoValue) ++readers_[static_cast<size_t>(id)];
      for (ValueId id : node.outputs) maker_[static_cast<size_t>(id)] = &node;
    }
  }

  // The node that makes `id`, where it is an `op`, one node alone reads the value, it could as well not
  // exist, and no state is read that might have changed until the chain's last node runs.
  const Node* hidden_maker(ValueId id, const Op& op) const {
    const auto i = static_cast<size_t>(id);
    const Node* maker = maker_[i];
    if (!maker || maker->op != &op || readers_[i] != 1 || graph_.value(id).is_output) return nullptr;
    for (ValueId input : maker->inputs)
      if (input != kNoValue && graph_.value(input).kind == ValueKind::state) return nullptr;
    return maker;
  }

  // Replaces every node for which fuse() gives another; fuse() names the values that exist no more.
  template <class Fuse>
  void replace(const Fuse& fuse) {
    std::set<ValueId> gone;
    std::vector<Node> nodes;
    for (const Node& node : graph_.nodes()) {
      const std::optional<Node> fused = fuse(node, gone);
      nodes.push_back(fused ? *fused : node);
    }
    std::erase_if(
        nodes, [&](const Node& node) { return node.outputs.size() == 1 && gone.contains(node.outputs[0]); });
    graph_.replace_nodes(std::move(nodes));
  }

 private:
  Graph& graph_;
  std::vector<int> readers_;
  std::vector<const Node*> maker_;
};

bool is_plain(const Node& linear) {
  return static_cast<const LinearAttributes&>(*linear.attributes).scale == 1.0f;
}

bool same_precision(const Graph& graph, ValueId a, ValueId b) {
  const Value &x = graph.value(a), &y = graph.value(b);
  return x.rounding == y.rounding && x.type.dtype == y.type.dtype;
}

void run_feed_forward(Graph& graph, int64_t chunk_rows) {
  Chains chains(graph);
  chains.replace([&](const Node& second, std::set<ValueId>& gone) -> std::optional<Node> {
    if (second.op != &linear_op() || !is_plain(second)) return std::nullopt;
    const Node* act = chains.hidden_maker(second.inputs[0], unary_op());
    if (!act) return std::nullopt;
    const UnaryKind kind = static_cast<const UnaryAttributes&>(*act->attributes).kind;
    const Node* first = is_activation(kind) ? chains.hidden_maker(act->inputs[0], linear_op()) : nullptr;
    if (!first || !is_plain(*first) || first->inputs[3] != kNoValue) return std::nullopt;
    if (!same_precision(graph, act->outputs[0], first->outputs[0])) return std::nullopt;
    auto attributes = std::make_shared<FeedForwardAttributes>();
    attributes->hidden_rounding = graph.value(act->outputs[0]).rounding;
    attributes->kind = kind;
    attributes->chunk_rows = chunk_rows;
    gone.insert({act->outputs[0], first->outputs[0]});
    return Node{.op = &feed_forward_op(),
                .attributes = attributes,
                .inputs = {first->inputs[0], first->inputs[1], first->inputs[2], second.inputs[1],
                           second.inputs[2], second.inputs[3]},
                .outputs = second.outputs,
                .scope = second.scope};
  });
}

void run_upsample(Graph& graph) {
  Chains chains(graph);
  chains.replace([&](const Node& convolution, std::set<ValueId>& gone) -> std::optional<Node> {
    // A cache remembers the frames that come in: it would have to remember the small ones.
    if (convolution.op != &causal_conv3d_op() || convolution.inputs[3] != kNoValue) return std::nullopt;
    const Node* doubled = chains.hidden_maker(convolution.inputs[0], upsample_nearest_op());
    if (!doubled || !same_precision(graph, doubled->inputs[0], doubled->outputs[0])) return std::nullopt;
    const auto& factors = static_cast<const UpsampleNearestAttributes&>(*doubled->attributes);
    auto attributes =
        std::make_shared<Conv3dAttributes>(static_cast<const Conv3dAttributes&>(*convolution.attributes));
    const Conv3dOptions& o = attributes->options;
    const Shape& weight = graph.value(convolution.inputs[1]).type.shape;
    if (factors.factor_h != 2 || factors.factor_w != 2 || !can_double(o, weight)) return std::nullopt;
    attributes->options.upsample = 2;
    Node fused = convolution;
    fused.attributes = attributes;
    fused.inputs[0] = doubled->inputs[0];
    gone.insert(doubled->outputs[0]);
    return fused;
  });
}

bool is_rounded(const Graph& graph, ValueId id) { return graph.value(id).rounding != DType::f32; }

std::optional<Node> modulated(const Graph& graph, const Chains& chains, const Node& modulate,
                              std::set<ValueId>& gone) {
  const Node* norm = chains.hidden_maker(modulate.inputs[0], layer_norm_op());
  if (!norm || norm->inputs[1] != kNoValue || norm->inputs[2] != kNoValue ||
      is_rounded(graph, norm->outputs[0]))
    return std::nullopt;
  auto attributes = std::make_shared<ModulatedNormAttributes>();
  attributes->eps = static_cast<const LayerNormAttributes&>(*norm->attributes).eps;
  gone.insert(norm->outputs[0]);
  Node fused = modulate;
  fused.op = &modulated_norm_op();
  fused.attributes = attributes;
  fused.inputs[0] = norm->inputs[0];
  return fused;
}

std::optional<Node> normed_and_turned(const Graph& graph, const Chains& chains, const Node& rotary,
                                      std::set<ValueId>& gone) {
  const Node* split = chains.hidden_maker(rotary.inputs[0], reshape_op());
  const Node* norm = split ? chains.hidden_maker(split->inputs[0], rms_norm_op()) : nullptr;
  if (!norm || rotary.inputs[3] != kNoValue || is_rounded(graph, norm->outputs[0])) return std::nullopt;
  const auto& settings = static_cast<const RmsNormAttributes&>(*norm->attributes);
  const RotaryStyle style = static_cast<const RotaryAttributes&>(*rotary.attributes).style;
  const Shape &joined = graph.value(norm->inputs[0]).type.shape,
              &heads = graph.value(rotary.inputs[0]).type.shape;
  if (settings.l2 || settings.silu || style != RotaryStyle::interleaved ||
      !(joined == Shape{heads[0], heads[1], heads[2] * heads[3]}))
    return std::nullopt;
  auto attributes = std::make_shared<RmsNormRotaryAttributes>();
  attributes->heads = heads[2], attributes->eps = settings.eps;
  gone.insert({split->outputs[0], norm->outputs[0]});
  Node fused = rotary;
  fused.op = &rms_norm_rotary_op();
  fused.attributes = attributes;
  fused.inputs = {norm->inputs[0], norm->inputs[1], rotary.inputs[1], rotary.inputs[2]};
  return fused;
}

void run_norms(Graph& graph) {
  Chains chains(graph);
  chains.replace([&](const Node& node, std::set<ValueId>& gone) -> std::optional<Node> {
    if (node.op == &modulate_op()) return modulated(graph, chains, node, gone);
    if (node.op == &rotary_op()) return normed_and_turned(graph, chains, node, gone);
    return std::nullopt;
  });
}

}  // namespace

Pass fuse_feed_forward(int64_t chunk_rows) {
  return {"fuse_feed_forward", [chunk_rows](Graph& graph) { run_feed_forward(graph, chunk_rows); }};
}

Pass fuse_upsample() { return {"fuse_upsample", run_upsample}; }

Pass fuse_norms() { return {"fuse_norms", run_norms}; }

}  // namespace zoetrope
