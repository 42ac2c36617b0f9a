#include "forecast/component_price.h"

#include "base/error.h"
#include "forecast/replay.h"
#include "ops/fuse.h"

namespace zoetrope {
namespace {

// What the driver and the libraries hold beside the plan. On a machine with the GPU it is measured.
constexpr int64_t kContextBytes = int64_t{600} << 20;
constexpr int64_t kAlignment = 256;
constexpr int64_t kFeedForwardRows = 8192;  // at a time, as sessions on a GPU have it

// A type of as many bytes as the format has (of fp4 the next wider one).
DType held_as(Format weights) {
  if (weights == Format::f32) return DType::f32;
  return bytes_of(weights) == 2 ? DType::bf16 : DType::f8_e4m3;
}

// A checkpoint of which nothing but its type is known.
class UnreadWeights final : public ParameterSource {
 public:
  DType stored_type(const std::string&) const override { return DType::bf16; }
  void read(const std::string&, DType, void*) const override {
    throw InternalError("a plan reads no weights");
  }
};

DeviceSpec spec_of(const Gpu& gpu) {
  return {.kind = DeviceKind::cuda,
          .name = gpu.name,
          .memory_bytes = gpu.memory_bytes,
          .reserved_bytes = kContextBytes,
          .alignment = kAlignment,
          .own_memory = true,
          .narrow_values = true,
          .multiprocessors = gpu.multiprocessors};
}

void add_work(const Work& work, const Gpu& gpu, GraphPrice& price, double& seconds) {
  seconds = seconds_of(work, gpu);
  price.kind_seconds[static_cast<size_t>(work.kind)] += seconds;
  price.kind_flops[static_cast<size_t>(work.kind)] += work.flops;
  if (seconds > 0) price.launch_seconds += gpu.efficiency.launch_gap;
  if (work.quadratic) price.quadratic_flops += work.flops;
}

GraphPrice price_session_graph(const Session& session, size_t index, const Gpu& gpu,
                               const NumberFormats& formats) {
  const Graph& graph = session.graph(index);
  GraphPrice price;
  ReplayRun run{.link = gpu.link,
                .copy_latency = gpu.efficiency.copy_latency,
                .copy_interference = gpu.efficiency.copy_interference};
  for (const StepPlan& step : session.graph_plan(index).steps) {
    const Node& node = graph.nodes()[step.node];
    for (const StepPlan::Fetch& fetch : step.fetches) {
      const ValueType& type = graph.value(node.inputs[fetch.operand]).type;
      const double bytes =
          static_cast<double>(type.shape.elements()) * static_cast<double>(size_of(type.dtype));
      run.fetches.push_back({bytes, fetch.issue_step, run.steps.size()});
      price.copy_seconds += gpu.efficiency.copy_latency + bytes / gpu.link;
    }
    add_work(work_of(graph, node, formats), gpu, price, run.steps.emplace_back());
  }
  const ReplayResult result = replay(run);
  price.seconds = result.seconds;
  price.waited = result.waited;
  return price;
}

}  // namespace

DType precision_for(Format compute) {
  if (compute == Format::f32) return DType::f32;
  return compute == Format::f16 ? DType::f16 : DType::bf16;
}

ComponentPrice price_component(std::vector<Graph> graphs, const Gpu& gpu, const NumberFormats& formats,
                               int64_t budget_bytes) {
  const auto device = make_null_device(spec_of(gpu));
  const UnreadWeights weights;
  const Session session(*device, weights, std::move(graphs),
                        {.budget_bytes = budget_bytes, .precision = precision_for(formats.compute)});
  ComponentPrice price{.plan = session.plan()};
  for (size_t i = 0; i < session.graph_count(); ++i)
    price.graphs.push_back(price_session_graph(session, i, gpu, formats));
  return price;
}

GraphPrice price_graph(Graph graph, const Gpu& gpu, const NumberFormats& formats) {
  const DType precision = precision_for(formats.compute);
  run_passes(graph, {drop_dead_nodes(), fuse_upsample(), fuse_feed_forward(kFeedForwardRows),
                     assign_types(precision)});
  for (const ValueId id : graph.all(ValueKind::parameter))
    if (!graph.value(id).keep_f32) graph.value(id).type.dtype = held_as(formats.weights);
  GraphPrice price;
  for (const Node& node : graph.nodes()) {
    double seconds = 0;
    add_work(work_of(graph, node, formats), gpu, price, seconds);
    price.seconds += seconds;
  }
  return price;
}

}  // namespace zoetrope
