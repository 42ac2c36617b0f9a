// Which bytes a graph's values share, and where they lie: values to storages, storages to offsets in one
// arena.
#pragma once

#include <string>
#include <vector>

#include "device/device.h"
#include "graph/graph.h"
#include "memory/plan.h"
#include "ops/kernel.h"

namespace zoetrope {

// How a parameter is held. `type` is what kernels see; `packed` bytes replace the dense ones where a kernel
// asked for it.
struct ParameterForm {
  DType type = DType::f32;
  bool streamed = false;    // fetched into the arena for each use instead of being kept
  size_t packed_bytes = 0;  // > 0: laid out by the kernel
};

// One node that runs (views do not).
struct StepPlan {
  size_t node = 0;
  const Kernel* kernel = nullptr;
  size_t workspace_bytes = 0;
  int64_t workspace_offset = 0;
  struct Fetch {
    size_t operand = 0;
    int64_t offset = 0;           // in the arena: where the kernel reads the parameter
    size_t issue_step = 0;        // its bytes are free from the start of this step on
    int64_t staging_offset = -1;  // where it is read into before it is packed; -1: it is not packed
  };
  std::vector<Fetch> fetches;  // streamed parameters
};

// Where a value lies. `storage` < 0: not in the arena (a parameter, a constant, a state, or a view of one).
struct ValuePlace {
  int32_t storage = -1;
  ValueId root = kNoValue;  // the value whose bytes these are, where it is no result
  int64_t offset_in_storage = 0;
};

struct GraphPlan {
  std::vector<StepPlan> steps;
  std::vector<ValuePlace> places;   // one a value
  std::vector<Lifetime> lifetimes;  // storages, then workspaces, then slots of streamed parameters
  std::vector<std::string> names;   // of the lifetimes
  MemoryPlan memory;
};

// Which parameters are fetched for each use, and how far ahead.
struct Streaming {
  std::vector<bool> values;  // one flag a value of the graph
  // Bytes of fetched parameters that may lie in the arena at a time. What one step needs may be more.
  int64_t window_bytes = 0;
};

// Chooses kernels and places everything. Parameters' types in the graph must already say how they are held.
// Throws InputError where an op has no kernel on the device.
GraphPlan plan_graph(const Graph& graph, const DeviceSpec& device, const Streaming& streaming);

// A line a step: op, where, shape, kernel, workspace, offset, life, flops, bytes.
std::string explain(const Graph& graph, const GraphPlan& plan);

}  // namespace zoetrope
