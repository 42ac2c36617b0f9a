// The graphs of one model, ready to run on one device within a byte budget: they share parameters and state,
// and one arena.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "device/device.h"
#include "graph/graph.h"
#include "graph/parameter_source.h"
#include "graph/passes.h"
#include "runtime/placement.h"
#include "runtime/weight_feed.h"

namespace zoetrope {

struct SessionOptions {
  int64_t budget_bytes = INT64_MAX;  // of everything the session holds: parameters, state, constants, arena
  DType precision = DType::f32;      // bf16: parameters and every op's output are rounded to it
  std::vector<Pass> passes;          // of the caller (a LoRA), run before the built-in ones
  std::set<std::string> passes_off;
};

// How the parameters are held, on the CPU from most bytes to fewest. On a device that stores narrow values
// they are resident, in the run's precision, or streamed.
enum class Residency : uint8_t { widened, as_stored, streamed, resident };

struct SessionPlan {
  Residency residency = Residency::widened;
  int64_t parameter_bytes = 0;  // kept on the device
  int64_t streamed_bytes = 0;   // of parameters that are fetched for every use
  int64_t reserved_bytes = 0;   // the driver's and the libraries' own
  int64_t constant_bytes = 0;
  int64_t state_bytes = 0;
  int64_t arena_bytes = 0;        // the largest over the graphs
  int64_t arena_lower_bound = 0;  // of the graph with the largest arena
  int64_t peak_bytes = 0;         // the sum of what is held
  double flops = 0;               // of one run of each graph
  std::string text() const;       // one line
};

// What one step of a run took, measured with the device emptied before and after it.
struct StepTime {
  std::string op, kernel, scope;
  double seconds = 0, flops = 0, bytes = 0;
};

using InputMap = std::map<std::string, TensorView>;
using OutputMap = std::map<std::string, TensorView>;

struct BoundGraph;
struct BoundStep;

class Session {
 public:
  // Plans; reads no weights and takes no memory. Throws FitError naming the smallest budget that would do.
  // `source` and `device` must outlive the session.
  Session(Device& device, const ParameterSource& source, std::vector<Graph> graphs,
          SessionOptions options = {});
  ~Session();
  Session(const Session&) = delete;

  const SessionPlan& plan() const { return plan_; }
  const Graph& graph(size_t index) const { return graphs_[index]; }
  size_t graph_count() const { return graphs_.size(); }
  const GraphPlan& graph_plan(size_t index) const { return plans_[index]; }
  std::string explain() const;
  const std::vector<PassReport>& pass_reports() const { return pass_reports_; }

  // Takes the memory and reads the parameters. Called by the first run() where it was not called before.
  void load();
  void reset_state();  // all states to zero

  // Runs one graph. Inputs and outputs by name: host memory, of exactly the declared shapes; what is floating
  // is float32, whatever the device holds; outputs that are not named are not copied out. Allocates nothing
  // once load() was called. Throws Interrupted when a stop was requested between two steps.
  void run(size_t graph, const InputMap& inputs, const OutputMap& outputs);
  // The same, with the outputs in new host tensors.
  TensorMap run(size_t graph, const InputMap& inputs);

  // A run whose steps are timed one by one.
  std::vector<StepTime> profile(size_t graph, const InputMap& inputs);

  // Highest byte that a run changed, in the same terms as plan().peak_bytes. Valid after a run.
  int64_t measured_peak_bytes() const;

 private:
  struct Loaded;
  // Where a parameter is used and what that place allows.
  struct Use {
    bool narrow = true;       // every op takes it in bf16 or f16
    size_t packed_bytes = 0;  // what the kernels want in float32
    bool keep_f32 = false;
    Shape shape;
    const Graph* graph = nullptr;
    const Node* node = nullptr;
    size_t operand = 0;
  };
  void choose_residency(int64_t budget);
  ParameterForm form_of(const std::string& name, Residency residency) const;
  bool try_residency(Residency residency, size_t streamed_count, int64_t budget);
  void load_parameter(const std::string& name, void* destination, void* staging);
  void bind_graph(size_t index, Loaded& loaded);
  void load_parameters(Loaded& loaded);
  void feed_parameters(Loaded& loaded);
  WeightFeed::Item feed_item(const std::string& name) const;
  void load_constants_and_states(Loaded& loaded);
  void bind_fetches(BoundGraph& bound);
  size_t largest_exchange() const;
  void put_input(const Graph& graph, ValueId id, const BoundGraph& bound, const InputMap& inputs);
  void take_output(const TensorView& place, const TensorView& out);
  void launch_steps(size_t graph, BoundGraph& bound);
  void run_steps(size_t graph, BoundGraph& bound);
  void launch(size_t graph, size_t step_index, const BoundStep& step);
  void fetch_for(const BoundStep& step);
  int64_t largest_streamed_step() const;
  std::vector<std::string> parameters_in_use() const;

  Device& device_;
  const ParameterSource& source_;
  std::vector<Graph> graphs_;
  DType precision_;
  std::vector<PassReport> pass_reports_;
  std::map<std::string, ParameterForm> forms_;
  std::map<std::string, Use> uses_;
  std::vector<std::string> streamable_;  // parameters that may be streamed, in the order of their use
  std::vector<GraphPlan> plans_;
  int64_t window_bytes_ = 0;  // of streamed parameters in the arena at a time
  SessionPlan plan_;
  std::unique_ptr<Loaded> loaded_;
  std::vector<StepTime>* profile_ = nullptr;
};

// Asks every running session to stop at its next step (from a signal handler: only sets a flag).
void request_stop();
bool stop_requested();
void clear_stop();  // before another run in the same process

}  // namespace zoetrope
