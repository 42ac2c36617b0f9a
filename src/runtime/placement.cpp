// Steps count from 1; inputs live from step 0 and outputs to one step past the last.
#include "runtime/placement.h"

#include <fmt/format.h>

#include <algorithm>

#include "ops/registry.h"

namespace zoetrope {
namespace {

struct Storage {
  int64_t bytes = 0;
  int32_t first = 0;
  int32_t last = 0;
  std::string name;
};

int64_t bytes_of(const Value& value) {
  return value.type.shape.elements() * static_cast<int64_t>(size_of(value.type.dtype));
}

class Placer {
 public:
  explicit Placer(const Graph& graph)
      : graph_(graph), places_(graph.values().size()), last_use_(places_.size(), 0) {
    int32_t step = 0;
    for (const Node& node : graph.nodes()) {
      ++step;
      for (ValueId id : node.inputs)
        if (id != kNoValue) last_use_[static_cast<size_t>(id)] = step;
    }
    for (const auto& [name, id] : graph.outputs()) last_use_[static_cast<size_t>(id)] = step + 1;
    for (size_t i = 0; i < places_.size(); ++i) {
      const Value& value = graph.values()[i];
      if (value.kind == ValueKind::input)
        open(static_cast<ValueId>(i), 0);
      else if (value.kind != ValueKind::result)
        places_[i].root = static_cast<ValueId>(i);
    }
  }

  // Gives the outputs of the node that runs at `step` their bytes. True where the node is only a view.
  bool place(const Node& node, int32_t step) {
    const NodeView view = graph_.view(node);
    if (const auto offset = node.op->view_offset(view)) {
      const ValuePlace base = places_[static_cast<size_t>(node.inputs[0])];
      join(node.outputs[0], {base.storage, base.root, base.offset_in_storage + *offset});
      return true;
    }
    for (size_t k = 0; k < node.outputs.size(); ++k) {
      const int32_t reused = k == 0 ? reusable(node, view, step) : -1;
      if (reused >= 0)
        join(node.outputs[k], {reused, kNoValue, 0});
      else
        open(node.outputs[k], step);
    }
    return false;
  }

  std::vector<ValuePlace> places() const { return places_; }
  const std::vector<Storage>& storages() const { return storages_; }

 private:
  void open(ValueId id, int32_t step) {
    const Value& value = graph_.value(id);
    storages_.push_back({bytes_of(value), step, step, value.name});
    join(id, {static_cast<int32_t>(storages_.size()) - 1, kNoValue, 0});
  }

  void join(ValueId id, ValuePlace place) {
    places_[static_cast<size_t>(id)] = place;
    if (place.storage < 0) return;
    Storage& storage = storages_[static_cast<size_t>(place.storage)];
    storage.last = std::max(storage.last, last_use_[static_cast<size_t>(id)]);
  }

  // The storage of an input over which the node may write its output: the op allows it, the bytes are as
  // many, nobody reads them later, and no other operand lies in them.
  int32_t reusable(const Node& node, const NodeView& view, int32_t step) const {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == kNoValue || !node.op->may_alias_input(view, i)) continue;
      const ValuePlace& place = places_[static_cast<size_t>(node.inputs[i])];
      if (place.storage < 0 || place.offset_in_storage != 0) continue;
      const Storage& storage = storages_[static_cast<size_t>(place.storage)];
      const int64_t wanted = bytes_of(graph_.value(node.outputs[0]));
      if (storage.last != step || storage.bytes != wanted || bytes_of(graph_.value(node.inputs[i])) != wanted)
        continue;
      const auto in_it = std::count_if(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
        return id != kNoValue && places_[static_cast<size_t>(id)].storage == place.storage;
      });
      if (in_it == 1) return place.storage;
    }
    return -1;
  }

  const Graph& graph_;
  std::vector<ValuePlace> places_;
  std::vector<int32_t> last_use_;
  std::vector<Storage> storages_;
};

const Kernel* choose_kernel(const Graph& graph, const Node& node, const DeviceSpec& device) {
  const Kernel* kernel = find_kernel(device.kernels(), *node.op, graph.view(node));
  if (!kernel)
    throw InputError(
        fmt::format("the op {} has no kernel for these operands on {}", node.op->name(), device.name),
        graph.name() + "." + node.scope);
  return kernel;
}

// A fetched parameter on its way through the arena.
struct Flight {
  size_t step;
  size_t fetch;
  size_t life;  // its place among the lifetimes of what is no value
  int64_t bytes;
};

// Gives every fetch the earliest step at which it keeps the window: those before it whose steps have run have
// left.
void issue_early(const std::vector<Flight>& flights, int64_t window, GraphPlan& plan,
                 std::vector<Lifetime>& lives) {
  for (size_t i = 0; i < flights.size(); ++i) {
    int64_t held = flights[i].bytes;
    size_t j = i;
    while (j > 0 && held + flights[j - 1].bytes <= window) held += flights[--j].bytes;
    const size_t issue = std::min(j == 0 ? 0 : flights[j - 1].step + 1, flights[i].step);
    plan.steps[flights[i].step].fetches[flights[i].fetch].issue_step = issue;
    lives[flights[i].life].first = static_cast<int32_t>(plan.steps[issue].node) + 1;
  }
}

}  // namespace

GraphPlan plan_graph(const Graph& graph, const DeviceSpec& device, const Streaming& streaming) {
  GraphPlan plan;
  Placer placer(graph);
  // Bytes that exist for one step: its workspace, a streamed parameter, the staging of one that is packed.
  enum class ExtraKind { workspace, fetch, staging };
  struct Extra {
    size_t step;
    ExtraKind kind;
    size_t fetch;
  };
  std::vector<Extra> extras;
  std::vector<Flight> flights;
  std::vector<Lifetime> extra_lives;
  std::vector<std::string> extra_names;
  int32_t number = 0;
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    const Node& node = graph.nodes()[n];
    ++number;
    if (placer.place(node, number)) continue;
    StepPlan step{.node = n, .kernel = choose_kernel(graph, node, device)};
    step.workspace_bytes = step.kernel->workspace(graph.view(node), device);
    auto add = [&](int64_t bytes, ExtraKind kind, size_t fetch, std::string name) {
      extras.push_back({plan.steps.size(), kind, fetch});
      extra_lives.push_back({bytes, number, number});
      extra_names.push_back(std::move(name));
    };
    if (step.workspace_bytes > 0)
      add(static_cast<int64_t>(step.workspace_bytes), ExtraKind::workspace, 0,
          fmt::format("workspace of {}", step.kernel->name()));
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId id = node.inputs[i];
      if (id == kNoValue || !streaming.values[static_cast<size_t>(id)]) continue;
      const Value& value = graph.value(id);
      const size_t fetch = step.fetches.size();
      step.fetches.push_back({.operand = i, .issue_step = plan.steps.size()});
      const bool f32 = value.type.dtype == DType::f32;
      const size_t packed = f32 ? step.kernel->packed_bytes(graph.view(node), i, device) : 0;
      const int64_t bytes = packed ? static_cast<int64_t>(packed) : bytes_of(value);
      flights.push_back({plan.steps.size(), fetch, extra_lives.size(), bytes});
      add(bytes, ExtraKind::fetch, fetch, value.name + " (streamed)");
      if (packed) add(bytes_of(value), ExtraKind::staging, fetch, value.name + " (unpacked)");
    }
    plan.steps.push_back(std::move(step));
  }
  issue_early(flights, streaming.window_bytes, plan, extra_lives);
  for (const Storage& storage : placer.storages()) {
    plan.lifetimes.push_back({storage.bytes, storage.first, storage.last});
    plan.names.push_back(storage.name);
  }
  const size_t first_extra = plan.lifetimes.size();
  plan.lifetimes.insert(plan.lifetimes.end(), extra_lives.begin(), extra_lives.end());
  plan.names.insert(plan.names.end(), extra_names.begin(), extra_names.end());
  plan.memory = plan_memory(plan.lifetimes, device.alignment);
  for (size_t e = 0; e < extras.size(); ++e) {
    const int64_t offset = plan.memory.offsets[first_extra + e];
    StepPlan& step = plan.steps[extras[e].step];
    if (extras[e].kind == ExtraKind::workspace)
      step.workspace_offset = offset;
    else if (extras[e].kind == ExtraKind::fetch)
      step.fetches[extras[e].fetch].offset = offset;
    else
      step.fetches[extras[e].fetch].staging_offset = offset;
  }
  plan.places = placer.places();
  return plan;
}

std::string explain(const Graph& graph, const GraphPlan& plan) {
  std::string text = fmt::format("graph {}: {} steps\n", graph.name(), plan.steps.size());
  text += explain_plan(plan.lifetimes, plan.memory, plan.names);
  text += fmt::format("{:>5} {:<18} {:<44} {:<22} {:<22} {:>12} {:>12} {:>13} {:>12} {:>12}\n", "step", "op",
                      "where", "shape", "kernel", "workspace", "offset", "life", "flops", "bytes");
  for (size_t s = 0; s < plan.steps.size(); ++s) {
    const StepPlan& step = plan.steps[s];
    const Node& node = graph.nodes()[step.node];
    const NodeView view = graph.view(node);
    const Cost cost = node.op->cost(view);
    std::string shape = "-", offset = "-", life = "-";
    if (!node.outputs.empty()) {
      shape = view.out().text();
      const int32_t storage = plan.places[static_cast<size_t>(node.outputs[0])].storage;
      if (storage >= 0) {
        const Lifetime& span = plan.lifetimes[static_cast<size_t>(storage)];
        offset = std::to_string(plan.memory.offsets[static_cast<size_t>(storage)]);
        life = fmt::format("{}-{}", span.first, span.last);
      }
    }
    text += fmt::format("{:>5} {:<18} {:<44} {:<22} {:<22} {:>12} {:>12} {:>13} {:>12.4g} {:>12.4g}\n",
                        step.node + 1, node.op->name(), node.scope, shape, step.kernel->name(),
                        step.workspace_bytes, offset, life, cost.flops, cost.bytes);
  }
  return text;
}

}  // namespace zoetrope
