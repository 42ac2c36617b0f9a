#include "runtime/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/checked.h"
#include "ops/fuse.h"
#include "ops/registry.h"
#include "runtime/session_loaded.h"

namespace zoetrope {
namespace {

// Rows of a feed-forward layer whose hidden values exist at a time: enough for full speed of the products,
// few enough for the cache (CPU) or for the budget (GPU).
constexpr int64_t kFeedForwardRows = 512, kFeedForwardRowsOnGpu = 8192;

// Types a parameter may be kept in; anything else in a file is widened to float32.
bool is_kept_type(DType type) { return type == DType::bf16 || type == DType::f16; }

}  // namespace

Session::Session(Device& device, const ParameterSource& source, std::vector<Graph> graphs,
                 SessionOptions options)
    : device_(device), source_(source), graphs_(std::move(graphs)), precision_(options.precision) {
  std::vector<Pass> passes = std::move(options.passes);
  passes.push_back(drop_dead_nodes());
  passes.push_back(device.spec().narrow_values ? assign_types(options.precision)
                                               : assign_precision(options.precision));
  passes.push_back(fuse_upsample());
  passes.push_back(fuse_feed_forward(device.spec().kernels() == DeviceKind::cuda ? kFeedForwardRowsOnGpu
                                                                                 : kFeedForwardRows));
  for (Graph& graph : graphs_) pass_reports_ = run_passes(graph, passes, options.passes_off);
  choose_residency(options.budget_bytes);
}

Session::~Session() = default;

void Session::choose_residency(int64_t budget) {
  if (device_.spec().narrow_values) {
    if (try_residency(Residency::resident, 0, budget)) return;
  } else if (try_residency(Residency::widened, 0, budget) || try_residency(Residency::as_stored, 0, budget)) {
    return;
  }
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

// The type in which a parameter is held.
ParameterForm Session::form_of(const std::string& name, Residency residency) const {
  const Use& use = uses_.at(name);
  ParameterForm form;
  if (device_.spec().narrow_values) {
    form.type = use.narrow && !use.keep_f32 ? precision_ : DType::f32;
    return form;
  }
  const DType stored = source_.stored_type(name);
  if (residency != Residency::widened && use.narrow && is_kept_type(stored))
    form.type = use.keep_f32 || precision_ == DType::f32 ? stored : precision_;
  return form;
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
        const Kernel* kernel = find_kernel(device_.spec().kernels(), *node.op, graph.view(node));
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
    ParameterForm form = form_of(name, residency);
    form.streamed = streamed.contains(name);
    if (form.type == DType::f32) form.packed_bytes = use.packed_bytes;
    const int64_t bytes = form.packed_bytes ? static_cast<int64_t>(form.packed_bytes)
                                            : use.shape.elements() * static_cast<int64_t>(size_of(form.type));
    if (form.streamed)
      plan_.streamed_bytes += bytes;
    else
      plan_.parameter_bytes = round_up(plan_.parameter_bytes, device_.spec().alignment) + bytes;
    forms_[name] = form;
  }
  window_bytes_ = device_.spec().own_memory ? 2 * largest_streamed_step() : 0;
  std::map<std::string, int64_t> states;
  plans_.clear();
  for (Graph& graph : graphs_) {
    Streaming streaming{std::vector<bool>(graph.values().size()), window_bytes_};
    for (ValueId id : graph.all(ValueKind::parameter)) {
      const auto form = forms_.find(graph.value(id).name);
      if (form == forms_.end()) continue;  // bound, but no node reads it any more
      graph.value(id).type.dtype = form->second.type;
      streaming.values[static_cast<size_t>(id)] = form->second.streamed;
    }
    for (ValueId id : graph.all(ValueKind::state))
      states[graph.value(id).name] = bytes_of(graph.value(id).type);
    for (ValueId id : graph.all(ValueKind::constant))
      plan_.constant_bytes =
          round_up(plan_.constant_bytes, device_.spec().alignment) + bytes_of(graph.value(id).type);
    plans_.push_back(plan_graph(graph, device_.spec(), streaming));
    if (plans_.back().memory.peak_bytes >= plan_.arena_bytes) {
      plan_.arena_bytes = plans_.back().memory.peak_bytes;
      plan_.arena_lower_bound = plans_.back().memory.lower_bound;
    }
    plan_.flops += graph.cost().flops;
  }
  for (const auto& [name, bytes] : states)
    plan_.state_bytes = round_up(plan_.state_bytes, device_.spec().alignment) + bytes;
  plan_.reserved_bytes = device_.spec().reserved_bytes;
  plan_.peak_bytes = plan_.reserved_bytes + plan_.parameter_bytes + plan_.constant_bytes + plan_.state_bytes +
                     plan_.arena_bytes;
  return plan_.peak_bytes <= budget;
}

// What one step reads of streamed parameters, at most.
int64_t Session::largest_streamed_step() const {
  int64_t most = 0;
  for (const Graph& graph : graphs_)
    for (const Node& node : graph.nodes()) {
      int64_t bytes = 0;
      for (ValueId id : node.inputs) {
        if (id == kNoValue || graph.value(id).kind != ValueKind::parameter) continue;
        const ParameterForm& form = forms_.at(graph.value(id).name);
        if (form.streamed)
          bytes += graph.value(id).type.shape.elements() * static_cast<int64_t>(size_of(form.type));
      }
      most = std::max(most, bytes);
    }
  return most;
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
  static constexpr const char* kNames[] = {"widened to float32", "as stored", "streamed", "resident"};
  return fmt::format(
      "peak {} bytes: parameters {} ({}), constants {}, state {}, arena {} (lower bound {}); streamed {} "
      "bytes a run",
      peak_bytes, parameter_bytes, kNames[static_cast<int>(residency)], constant_bytes, state_bytes,
      arena_bytes, arena_lower_bound, streamed_bytes);
}

}  // namespace zoetrope
