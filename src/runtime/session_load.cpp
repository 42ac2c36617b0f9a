// A session takes its memory, reads its parameters, and gives every value its address and every step its
// kernel.
#include "base/checked.h"
#include "ops/registry.h"
#include "runtime/session_loaded.h"

namespace zoetrope {

void Session::load_parameter(const std::string& name, void* destination, void* staging) {
  const ParameterForm& form = forms_.at(name);
  const Use& use = uses_.at(name);
  const Value& value = use.graph->value(use.node->inputs[use.operand]);
  const auto elements = static_cast<size_t>(value.type.shape.elements());
  const bool rounds = value.rounding != DType::f32 && form.type == DType::f32;
  void* dense = form.packed_bytes ? staging : destination;
  source_.read(name, form.type, dense);
  if (rounds) round_to(value.rounding, static_cast<float*>(dense), elements);
  if (form.packed_bytes == 0) return;
  const NodeView view = use.graph->view(*use.node);
  find_kernel(device_.spec().kernels(), *use.node->op, view)
      ->pack(view, use.operand, static_cast<const float*>(dense), destination, device_.spec());
}

std::vector<std::string> Session::parameters_in_use() const {
  std::vector<std::string> order;
  std::set<std::string> seen;
  for (const Graph& graph : graphs_)
    for (const Node& node : graph.nodes())
      for (ValueId id : node.inputs)
        if (id != kNoValue && graph.value(id).kind == ValueKind::parameter &&
            seen.insert(graph.value(id).name).second)
          order.push_back(graph.value(id).name);
  return order;
}

WeightFeed::Item Session::feed_item(const std::string& name) const {
  const Use& use = uses_.at(name);
  if (forms_.at(name).packed_bytes > 0) throw InternalError("'" + name + "' is packed on the host alone");
  return {name, forms_.at(name).type, use.shape.elements(),
          use.graph->value(use.node->inputs[use.operand]).rounding};
}

// Over the copy lane, on all threads that read.
void Session::feed_parameters(Loaded& loaded) {
  std::vector<WeightFeed::Item> all, kept;
  for (const std::string& name : parameters_in_use()) {
    all.push_back(feed_item(name));
    if (!forms_.at(name).streamed) kept.push_back(all.back());
  }
  int64_t offset = 0;
  for (WeightFeed::Item& item : kept) {
    offset = round_up(offset, device_.spec().alignment);
    loaded.parameter_offsets[item.parameter] = offset;
    item.destination = static_cast<char*>(loaded.parameters->data()) + offset;
    offset += item.bytes();
  }
  loaded.feed = std::make_unique<WeightFeed>(device_, source_, all);
  loaded.feed->begin(kept);
  loaded.feed->wait_for(kept.size());
  loaded.feed->end();
  device_.synchronize();
  if (plan_.streamed_bytes == 0) loaded.feed.reset();
}

// The same order and rounding as when the bytes were counted.
void Session::load_parameters(Loaded& loaded) {
  if (device_.spec().own_memory) return feed_parameters(loaded);
  int64_t offset = 0;
  std::vector<float> staging;
  for (const std::string& name : parameters_in_use()) {
    const ParameterForm& form = forms_.at(name);
    if (form.streamed) continue;
    const int64_t elements = uses_.at(name).shape.elements();
    offset = round_up(offset, device_.spec().alignment);
    loaded.parameter_offsets[name] = offset;
    if (form.packed_bytes) staging.resize(std::max(staging.size(), static_cast<size_t>(elements)));
    load_parameter(name, static_cast<char*>(loaded.parameters->data()) + offset, staging.data());
    offset += form.packed_bytes ? static_cast<int64_t>(form.packed_bytes)
                                : elements * static_cast<int64_t>(size_of(form.type));
  }
}

void Session::load_constants_and_states(Loaded& loaded) {
  int64_t offset = 0;
  for (size_t g = 0; g < graphs_.size(); ++g)
    for (ValueId id : graphs_[g].all(ValueKind::constant)) {
      const Value& value = graphs_[g].value(id);
      offset = round_up(offset, device_.spec().alignment);
      loaded.constant_offsets[{g, id}] = offset;
      device_.copy_in(static_cast<char*>(loaded.constants->data()) + offset, value.constant->data(),
                      value.constant->bytes());
      offset += bytes_of(value.type);
    }
  std::map<std::string, int64_t> states;
  for (const Graph& graph : graphs_)
    for (ValueId id : graph.all(ValueKind::state))
      states[graph.value(id).name] = bytes_of(graph.value(id).type);
  offset = 0;
  for (const auto& [name, bytes] : states) {
    offset = round_up(offset, device_.spec().alignment);
    loaded.state_offsets[name] = offset;
    offset += bytes;
  }
}

// Gives every value of a graph its address and every step its kernel.
void Session::bind_graph(size_t index, Loaded& loaded) {
  auto at = [](const std::unique_ptr<Buffer>& buffer, int64_t offset) {
    return static_cast<char*>(buffer->data()) + offset;
  };
  const Graph& graph = graphs_[index];
  const GraphPlan& plan = plans_[index];
  BoundGraph bound;
  bound.values.resize(graph.values().size());
  for (size_t v = 0; v < bound.values.size(); ++v) {
    const Value& value = graph.values()[v];
    const ValuePlace& place = plan.places[v];
    TensorView& view = bound.values[v];
    view.dtype = value.type.dtype;
    view.shape = value.type.shape;
    if (place.storage >= 0) {
      view.data =
          at(loaded.arena, plan.memory.offsets[static_cast<size_t>(place.storage)] + place.offset_in_storage);
      continue;
    }
    if (place.root == kNoValue) continue;  // a result that no step makes any more
    const Value& root = graph.value(place.root);
    if (root.kind == ValueKind::parameter && loaded.parameter_offsets.contains(root.name))
      view.data = at(loaded.parameters, loaded.parameter_offsets[root.name] + place.offset_in_storage);
    else if (root.kind == ValueKind::constant)
      view.data =
          at(loaded.constants, loaded.constant_offsets[{index, place.root}] + place.offset_in_storage);
    else if (root.kind == ValueKind::state)
      view.data = at(loaded.state, loaded.state_offsets[root.name] + place.offset_in_storage);
  }
  for (ValueId id : graph.all(ValueKind::input)) bound.inputs.push_back(id);
  for (const StepPlan& planned : plan.steps) {
    const Node& node = graph.nodes()[planned.node];
    BoundStep step;
    step.kernel = planned.kernel->prepare(graph.view(node), device_.spec());
    step.workspace = planned.workspace_bytes ? at(loaded.arena, planned.workspace_offset) : nullptr;
    for (ValueId id : node.inputs)
      step.inputs.push_back(id == kNoValue ? TensorView{} : bound.values[static_cast<size_t>(id)]);
    for (const StepPlan::Fetch& fetch : planned.fetches) {
      step.inputs[fetch.operand].data = at(loaded.arena, fetch.offset);
      void* staging = fetch.staging_offset < 0 ? nullptr : at(loaded.arena, fetch.staging_offset);
      step.fetches.push_back({graph.value(node.inputs[fetch.operand]).name, step.inputs[fetch.operand].data,
                              staging, fetch.issue_step, nullptr});
    }
    for (ValueId id : node.outputs) {
      step.outputs.push_back(bound.values[static_cast<size_t>(id)]);
      if (graph.value(id).rounding != DType::f32)
        step.roundings.emplace_back(graph.value(id).rounding, step.outputs.back());
    }
    bound.steps.push_back(std::move(step));
  }
  if (device_.spec().own_memory) bind_fetches(bound);
  loaded.graphs.push_back(std::move(bound));
}

// The order in which a graph's streamed parameters travel, and the events that keep copies and steps apart.
void Session::bind_fetches(BoundGraph& bound) {
  bound.begun = device_.make_event();
  for (BoundStep& step : bound.steps) {
    for (BoundFetch& fetch : step.fetches) {
      fetch.arrived = device_.make_event();
      WeightFeed::Item item = feed_item(fetch.parameter);
      item.destination = fetch.destination;
      item.step = fetch.issue_step;
      item.arrived = fetch.arrived.get();
      if (fetch.issue_step == 0) {
        item.after = bound.begun.get();
      } else {
        BoundStep& before = bound.steps[fetch.issue_step - 1];
        if (!before.done) before.done = device_.make_event();
        item.after = before.done.get();
      }
      bound.items.push_back(item);
    }
    step.items_needed = bound.items.size();
  }
}

void Session::load() {
  if (loaded_) return;
  auto loaded = std::make_unique<Loaded>();
  loaded->parameters = device_.allocate(static_cast<size_t>(plan_.parameter_bytes));
  loaded->constants = device_.allocate(static_cast<size_t>(plan_.constant_bytes));
  loaded->state = device_.allocate(static_cast<size_t>(plan_.state_bytes));
  loaded->arena = device_.allocate(static_cast<size_t>(plan_.arena_bytes));
  device_.fill(loaded->arena->data(), kArenaPattern, static_cast<size_t>(plan_.arena_bytes));
  load_parameters(*loaded);
  load_constants_and_states(*loaded);
  loaded->exchange = device_.allocate_host(largest_exchange());
  for (size_t g = 0; g < graphs_.size(); ++g) bind_graph(g, *loaded);
  loaded_ = std::move(loaded);
  reset_state();
}

void Session::reset_state() {
  if (loaded_) device_.fill(loaded_->state->data(), 0, static_cast<size_t>(plan_.state_bytes));
}

size_t Session::largest_exchange() const {
  size_t bytes = 0;
  auto consider = [&](const ValueType& type) {
    if (is_floating(type.dtype) && type.dtype != DType::f32)
      bytes = std::max(bytes, static_cast<size_t>(bytes_of(type)));
  };
  for (const Graph& graph : graphs_) {
    for (ValueId id : graph.all(ValueKind::input)) consider(graph.value(id).type);
    for (const auto& [name, id] : graph.outputs()) consider(graph.value(id).type);
  }
  return bytes;
}

}  // namespace zoetrope
