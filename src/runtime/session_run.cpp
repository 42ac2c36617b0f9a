// A session runs one of its graphs.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "cpu/parallel.h"
#include "runtime/session_loaded.h"

namespace zoetrope {
namespace {

std::atomic<bool> g_stop{false};

void round_view(DType type, const TensorView& view) {
  parallel_ranges(view.shape.elements(), 65536, [&](int64_t first, int64_t last) {
    round_to(type, view.as<float>() + first, static_cast<size_t>(last - first));
  });
}

}  // namespace

void request_stop() { g_stop.store(true); }
bool stop_requested() { return g_stop.load(); }
void clear_stop() { g_stop.store(false); }

void Session::put_input(const Graph& graph, ValueId id, const BoundGraph& bound, const InputMap& inputs) {
  const Value& value = graph.value(id);
  const DType wanted = is_floating(value.type.dtype) ? DType::f32 : value.type.dtype;
  const auto given = inputs.find(value.name);
  if (given == inputs.end() || given->second.dtype != wanted || !(given->second.shape == value.type.shape))
    throw InternalError(fmt::format("graph {} wants input '{}' as {}{}", graph.name(), value.name,
                                    name_of(wanted), value.type.shape.text()));
  const TensorView& place = bound.values[static_cast<size_t>(id)];
  const void* bytes = given->second.data;
  if (place.dtype != wanted) {
    bytes = loaded_->exchange->data();
    narrow_from_f32(place.dtype, given->second.as<const float>(), loaded_->exchange->data(),
                    static_cast<size_t>(place.shape.elements()));
  }
  device_.copy_in(place.data, bytes, place.bytes());
  if (value.rounding != DType::f32) round_view(value.rounding, place);
}

void Session::take_output(const TensorView& place, const TensorView& out) {
  if (place.dtype == out.dtype) return device_.copy_out(out.data, place.data, place.bytes());
  device_.copy_out(loaded_->exchange->data(), place.data, place.bytes());
  const auto* narrow = static_cast<const char*>(loaded_->exchange->data());
  parallel_ranges(place.shape.elements(), 65536, [&](int64_t first, int64_t last) {
    widen_to_f32(place.dtype, narrow + static_cast<size_t>(first) * size_of(place.dtype),
                 out.as<float>() + first, static_cast<size_t>(last - first));
  });
}

// Kernels on the host wait for their parameters; a GPU's are on their way long before.
void Session::fetch_for(const BoundStep& step) {
  if (step.fetches.empty()) return;
  if (!device_.spec().own_memory) {
    for (const BoundFetch& fetch : step.fetches)
      load_parameter(fetch.parameter, fetch.destination, fetch.staging);
    return;
  }
  loaded_->feed->wait_for(step.items_needed);
  for (const BoundFetch& fetch : step.fetches) device_.wait(Lane::compute, *fetch.arrived);
}

void Session::launch(size_t graph, size_t step_index, const BoundStep& step) {
  const Launch launch{step.inputs, step.outputs, step.workspace, device_.compute_stream()};
  if (!profile_) return step.kernel->launch(launch);
  device_.synchronize();
  const auto start = std::chrono::steady_clock::now();
  step.kernel->launch(launch);
  device_.synchronize();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const StepPlan& planned = plans_[graph].steps[step_index];
  const Node& node = graphs_[graph].nodes()[planned.node];
  const Cost cost = node.op->cost(graphs_[graph].view(node));
  profile_->push_back({std::string(node.op->name()), std::string(planned.kernel->name()), node.scope, seconds,
                       cost.flops, cost.bytes});
}

std::vector<StepTime> Session::profile(size_t graph, const InputMap& inputs) {
  std::vector<StepTime> times;
  profile_ = &times;
  try {
    run(graph, inputs, {});
  } catch (...) {
    profile_ = nullptr;
    throw;
  }
  profile_ = nullptr;
  return times;
}

void Session::launch_steps(size_t index, BoundGraph& bound) {
  for (size_t s = 0; s < bound.steps.size(); ++s) {
    if (stop_requested()) throw Interrupted();
    BoundStep& step = bound.steps[s];
    fetch_for(step);
    launch(index, s, step);
    for (const auto& [type, view] : step.roundings) round_view(type, view);
    if (!step.done) continue;
    device_.record(*step.done, Lane::compute);
    loaded_->feed->launched(s + 1);
  }
}

// The first run finds out whether every step can be launched, the second is captured: a graph that runs once
// is not worth it.
void Session::run_steps(size_t index, BoundGraph& bound) {
  const bool may_capture = device_.spec().own_memory && bound.items.empty() && !profile_;
  if (may_capture && bound.has_run && !bound.captured)
    bound.captured = device_.capture([&] { launch_steps(index, bound); });
  if (may_capture && bound.captured) {
    if (stop_requested()) throw Interrupted();
    bound.captured->replay();
  } else {
    launch_steps(index, bound);
  }
  bound.has_run = true;
}

void Session::run(size_t index, const InputMap& inputs, const OutputMap& outputs) {
  load();
  const Graph& graph = graphs_[index];
  BoundGraph& bound = loaded_->graphs[index];
  for (ValueId id : bound.inputs) put_input(graph, id, bound, inputs);
  // Readers must not outlive the run, however it ends.
  struct Feeding {
    WeightFeed* feed;
    ~Feeding() {
      if (feed) feed->end();
    }
  } const feeding{bound.items.empty() ? nullptr : loaded_->feed.get()};
  if (feeding.feed) {
    device_.record(*bound.begun, Lane::compute);
    feeding.feed->begin(bound.items);
  }
  run_steps(index, bound);
  for (const auto& [name, view] : outputs) {
    const ValueId id = graph.find_output(name);
    if (id == kNoValue || !(graph.value(id).type.shape == view.shape))
      throw InternalError("graph " + graph.name() + " has no such output: " + name);
    take_output(bound.values[static_cast<size_t>(id)], view);
  }
}

TensorMap Session::run(size_t index, const InputMap& inputs) {
  TensorMap tensors;
  OutputMap views;
  for (const auto& [name, id] : graphs_[index].outputs()) {
    const ValueType& type = graphs_[index].value(id).type;
    const DType dtype = is_floating(type.dtype) ? DType::f32 : type.dtype;
    views[name] = tensors.emplace(name, HostTensor(dtype, type.shape)).first->second.view();
  }
  run(index, inputs, views);
  return tensors;
}

int64_t Session::measured_peak_bytes() const {
  if (!loaded_) return 0;
  // From the top down, a piece at a time.
  constexpr size_t kPiece = size_t{16} << 20;
  std::vector<uint8_t> piece(std::min(kPiece, static_cast<size_t>(plan_.arena_bytes)));
  auto top = static_cast<size_t>(plan_.arena_bytes);
  for (bool found = false; top > 0 && !found;) {
    const size_t bytes = std::min(piece.size(), top);
    device_.copy_out(piece.data(), static_cast<const char*>(loaded_->arena->data()) + top - bytes, bytes);
    size_t left = bytes;
    while (left > 0 && piece[left - 1] == kArenaPattern) --left;
    found = left > 0;
    top -= bytes - left;
  }
  return plan_.reserved_bytes + plan_.parameter_bytes + plan_.constant_bytes + plan_.state_bytes +
         static_cast<int64_t>(top);
}

}  // namespace zoetrope
