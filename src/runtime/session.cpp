#include "runtime/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/checked.h"
#include "cpu/parallel.h"
#include "ops/fuse.h"
#include "ops/registry.h"

namespace zoetrope {
namespace {

constexpr uint8_t kPattern = 0xA5;
constexpr int64_t kAlignment = 64;
// Rows of a feed-forward layer whose hidden values exist at a time: enough for full speed of the products,
// few enough for the cache.
constexpr int64_t kFeedForwardRows = 512;
std::atomic<bool> g_stop{false};

int64_t bytes_of(const ValueType& type) {
  return type.shape.elements() * static_cast<int64_t>(size_of(type.dtype));
}

// Types a parameter may be kept in; anything else in a file is widened to float32.
bool is_kept_type(DType type) { return type == DType::bf16 || type == DType::f16; }

void round_view(DType type, const TensorView& view) {
  parallel_ranges(view.shape.elements(), 65536, [&](int64_t first, int64_t last) {
    round_to(type, view.as<float>() + first, static_cast<size_t>(last - first));
  });
}

}  // namespace

void request_stop() { g_stop.store(true); }
bool stop_requested() { return g_stop.load(); }
void clear_stop() { g_stop.store(false); }

// Everything that exists only once memory was taken.
struct Session::Loaded {
  struct Fetch {
    std::string parameter;
    void* destination;
    void* staging;
  };
  struct Step {
    std::unique_ptr<PreparedKernel> kernel;
    std::vector<TensorView> inputs, outputs;
    void* workspace = nullptr;
    std::vector<Fetch> fetches;
    std::vector<std::pair<DType, TensorView>> roundings;
  };
  struct Bound {
    std::vector<Step> steps;
    std::vector<TensorView> values;
    std::vector<ValueId> inputs;
  };
  std::unique_ptr<Buffer> parameters, constants, state, arena;
  std::map<std::string, int64_t> parameter_offsets, state_offsets;
  std::map<std::pair<size_t, ValueId>, int64_t> constant_offsets;
  std::vector<Bound> graphs;
};

Session::Session(Device& device, const ParameterSource& source, std::vector<Graph> graphs,
                 SessionOptions options)
    : device_(device), source_(source), graphs_(std::move(graphs)), precision_(options.precision) {
  std::vector<Pass> passes = std::move(options.passes);
  passes.push_back(drop_dead_nodes());
  passes.push_back(fuse_upsample());
  passes.push_back(fuse_feed_forward(kFeedForwardRows));
  passes.push_back(assign_precision(options.precision));
  for (Graph& graph : graphs_) pass_reports_ = run_passes(graph, passes, options.passes_off);
  choose_residency(options.budget_bytes);
}

Session::~Session() = default;

void Session::choose_residency(int64_t budget) {
  if (try_residency(Residency::widened, 0, budget) || try_residency(Residency::as_stored, 0, budget)) return;
  // The fewest parameters streamed that fit: more streamed never needs more bytes than all streamed.
  const size_t all = streamable_.size();
  if (!try_residency(Residency::streamed, all, budget))
    throw FitError(
        fmt::format(
            "{} needs at least {} bytes (parameters {}, state {}, arena {}), but the budget is {} bytes",
            graphs_.front().name(), plan_.peak_bytes, plan_.parameter_bytes + plan_.constant_bytes,
            plan_.state_bytes, plan_.arena_bytes, budget),
        "",
        fmt::format("give --budget {} or more, or choose a smaller --size or fewer --frames",
                    plan_.peak_bytes));
  size_t low = 0, high = all;  // high fits
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (try_residency(Residency::streamed, middle, budget))
      high = middle;
    else
      low = middle + 1;
  }
  try_residency(Residency::streamed, high, budget);
}

bool Session::try_residency(Residency residency, size_t streamed_count, int64_t budget) {
  uses_.clear();
  std::vector<std::string> order;
  for (Graph& graph : graphs_)
    for (ValueId id : graph.all(ValueKind::parameter)) graph.value(id).type.dtype = DType::f32;
  for (const Graph& graph : graphs_)
    for (const Node& node : graph.nodes())
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        if (node.inputs[i] == kNoValue) continue;
        const Value& value = graph.value(node.inputs[i]);
        if (value.kind != ValueKind::parameter) continue;
        const auto [it, fresh] = uses_.try_emplace(value.name);
        Use& use = it->second;
        const Kernel* kernel = find_kernel(DeviceKind::cpu, *node.op, graph.view(node));
        const size_t packed = kernel ? kernel->packed_bytes(graph.view(node), i, device_.spec()) : 0;
        if (fresh) {
          order.push_back(value.name);
          use.shape = value.type.shape;
          use.keep_f32 = value.keep_f32;
          use.packed_bytes = packed;
          use.graph = &graph, use.node = &node, use.operand = i;
        } else if (packed != use.packed_bytes) {
          throw InternalError("the parameter '" + value.name + "' is wanted in two layouts");
        }
        use.narrow = use.narrow && node.op->takes_narrow(i);
      }
  streamable_.clear();
  for (const std::string& name : order)
    if (uses_[name].narrow && uses_[name].shape.elements() >= 4096) streamable_.push_back(name);
  const std::set<std::string> streamed(
      streamable_.end() - static_cast<std::ptrdiff_t>(std::min(streamed_count, streamable_.size())),
      streamable_.end());
  forms_.clear();
  plan_ = {};
  plan_.residency = residency;
  for (const std::string& name : order) {
    const Use& use = uses_[name];
    ParameterForm form;
    const DType stored = source_.stored_type(name);
    const bool keep = residency != Residency::widened && use.narrow && is_kept_type(stored);
    if (keep) form.type = use.keep_f32 || precision_ == DType::f32 ? stored : precision_;
    form.streamed = streamed.contains(name);
    if (form.type == DType::f32) form.packed_bytes = use.packed_bytes;
    const int64_t bytes = form.packed_bytes ? static_cast<int64_t>(form.packed_bytes)
                                            : use.shape.elements() * static_cast<int64_t>(size_of(form.type));
    if (form.streamed)
      plan_.streamed_bytes += bytes;
    else
      plan_.parameter_bytes = round_up(plan_.parameter_bytes, kAlignment) + bytes;
    forms_[name] = form;
  }
  std::map<std::string, int64_t> states;
  plans_.clear();
  for (Graph& graph : graphs_) {
    std::vector<bool> streamed_values(graph.values().size());
    for (ValueId id : graph.all(ValueKind::parameter)) {
      const auto form = forms_.find(graph.value(id).name);
      if (form == forms_.end()) continue;  // bound, but no node reads it any more
      graph.value(id).type.dtype = form->second.type;
      streamed_values[static_cast<size_t>(id)] = form->second.streamed;
    }
    for (ValueId id : graph.all(ValueKind::state))
      states[graph.value(id).name] = bytes_of(graph.value(id).type);
    for (ValueId id : graph.all(ValueKind::constant))
      plan_.constant_bytes = round_up(plan_.constant_bytes, kAlignment) + bytes_of(graph.value(id).type);
    plans_.push_back(plan_graph(graph, device_.spec(), streamed_values));
    if (plans_.back().memory.peak_bytes >= plan_.arena_bytes) {
      plan_.arena_bytes = plans_.back().memory.peak_bytes;
      plan_.arena_lower_bound = plans_.back().memory.lower_bound;
    }
    plan_.flops += graph.cost().flops;
  }
  for (const auto& [name, bytes] : states)
    plan_.state_bytes = round_up(plan_.state_bytes, kAlignment) + bytes;
  plan_.peak_bytes = plan_.parameter_bytes + plan_.constant_bytes + plan_.state_bytes + plan_.arena_bytes;
  return plan_.peak_bytes <= budget;
}

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
  find_kernel(DeviceKind::cpu, *use.node->op, view)
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

// The same order and rounding as when the bytes were counted.
void Session::load_parameters(Loaded& loaded) {
  int64_t offset = 0;
  std::vector<float> staging;
  for (const std::string& name : parameters_in_use()) {
    const ParameterForm& form = forms_.at(name);
    if (form.streamed) continue;
    const int64_t elements = uses_.at(name).shape.elements();
    offset = round_up(offset, kAlignment);
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
      offset = round_up(offset, kAlignment);
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
    offset = round_up(offset, kAlignment);
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
  Loaded::Bound bound;
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
    Loaded::Step step;
    step.kernel = planned.kernel->prepare(graph.view(node), device_.spec());
    step.workspace = planned.workspace_bytes ? at(loaded.arena, planned.workspace_offset) : nullptr;
    for (ValueId id : node.inputs)
      step.inputs.push_back(id == kNoValue ? TensorView{} : bound.values[static_cast<size_t>(id)]);
    for (const StepPlan::Fetch& fetch : planned.fetches) {
      step.inputs[fetch.operand].data = at(loaded.arena, fetch.offset);
      void* staging = fetch.staging_offset < 0 ? nullptr : at(loaded.arena, fetch.staging_offset);
      step.fetches.push_back(
          {graph.value(node.inputs[fetch.operand]).name, step.inputs[fetch.operand].data, staging});
    }
    for (ValueId id : node.outputs) {
      step.outputs.push_back(bound.values[static_cast<size_t>(id)]);
      if (graph.value(id).rounding != DType::f32)
        step.roundings.emplace_back(graph.value(id).rounding, step.outputs.back());
    }
    bound.steps.push_back(std::move(step));
  }
  loaded.graphs.push_back(std::move(bound));
}

void Session::load() {
  if (loaded_) return;
  auto loaded = std::make_unique<Loaded>();
  loaded->parameters = device_.allocate(static_cast<size_t>(plan_.parameter_bytes));
  loaded->constants = device_.allocate(static_cast<size_t>(plan_.constant_bytes));
  loaded->state = device_.allocate(static_cast<size_t>(plan_.state_bytes));
  loaded->arena = device_.allocate(static_cast<size_t>(plan_.arena_bytes));
  device_.fill(loaded->arena->data(), kPattern, static_cast<size_t>(plan_.arena_bytes));
  load_parameters(*loaded);
  load_constants_and_states(*loaded);
  for (size_t g = 0; g < graphs_.size(); ++g) bind_graph(g, *loaded);
  loaded_ = std::move(loaded);
  reset_state();
}

void Session::reset_state() {
  if (loaded_) device_.fill(loaded_->state->data(), 0, static_cast<size_t>(plan_.state_bytes));
}

void Session::run(size_t index, const InputMap& inputs, const OutputMap& outputs) {
  load();
  const Graph& graph = graphs_[index];
  Loaded::Bound& bound = loaded_->graphs[index];
  for (ValueId id : bound.inputs) {
    const Value& value = graph.value(id);
    const auto given = inputs.find(value.name);
    if (given == inputs.end() || given->second.dtype != value.type.dtype ||
        !(given->second.shape == value.type.shape))
      throw InternalError(fmt::format("graph {} wants input '{}' as {}{}", graph.name(), value.name,
                                      name_of(value.type.dtype), value.type.shape.text()));
    const TensorView& place = bound.values[static_cast<size_t>(id)];
    device_.copy_in(place.data, given->second.data, place.bytes());
    if (value.rounding != DType::f32) round_view(value.rounding, place);
  }
  for (Loaded::Step& step : bound.steps) {
    if (stop_requested()) throw Interrupted();
    for (const Loaded::Fetch& fetch : step.fetches)
      load_parameter(fetch.parameter, fetch.destination, fetch.staging);
    step.kernel->launch({step.inputs, step.outputs, step.workspace});
    for (const auto& [type, view] : step.roundings) round_view(type, view);
  }
  for (const auto& [name, view] : outputs) {
    const ValueId id = graph.find_output(name);
    if (id == kNoValue || !(graph.value(id).type.shape == view.shape))
      throw InternalError("graph " + graph.name() + " has no such output: " + name);
    device_.copy_out(view.data, bound.values[static_cast<size_t>(id)].data, view.bytes());
  }
}

TensorMap Session::run(size_t index, const InputMap& inputs) {
  TensorMap tensors;
  OutputMap views;
  for (const auto& [name, id] : graphs_[index].outputs()) {
    const ValueType& type = graphs_[index].value(id).type;
    views[name] = tensors.emplace(name, HostTensor(type.dtype, type.shape)).first->second.view();
  }
  run(index, inputs, views);
  return tensors;
}

int64_t Session::measured_peak_bytes() const {
  if (!loaded_) return 0;
  std::vector<uint8_t> arena(static_cast<size_t>(plan_.arena_bytes));
  device_.copy_out(arena.data(), loaded_->arena->data(), arena.size());
  size_t top = arena.size();
  while (top > 0 && arena[top - 1] == kPattern) --top;
  return plan_.parameter_bytes + plan_.constant_bytes + plan_.state_bytes + static_cast<int64_t>(top);
}

std::string Session::explain() const {
  std::string text = plan_.text() + "\n";
  for (const PassReport& pass : pass_reports_)
    text += fmt::format("pass {}: {} nodes to {} in {:.3f} ms{}\n", pass.name, pass.nodes_before,
                        pass.nodes_after, pass.seconds * 1e3, pass.skipped ? " (off)" : "");
  for (size_t g = 0; g < graphs_.size(); ++g) text += zoetrope::explain(graphs_[g], plans_[g]);
  return text;
}

std::string SessionPlan::text() const {
  static constexpr const char* kNames[] = {"widened to float32", "as stored", "streamed"};
  return fmt::format(
      "peak {} bytes: parameters {} ({}), constants {}, state {}, arena {} (lower bound {}); streamed {} "
      "bytes a run",
      peak_bytes, parameter_bytes, kNames[static_cast<int>(residency)], constant_bytes, state_bytes,
      arena_bytes, arena_lower_bound, streamed_bytes);
}

}  // namespace zoetrope
