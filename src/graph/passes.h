// The gate through which every rewriting of a graph goes: it times each pass, can switch one off by name, and
// verifies the graph after each.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace zoetrope {

struct Pass {
  std::string name;
  std::function<void(Graph&)> run;
};

struct PassReport {
  std::string name;
  double seconds = 0;
  size_t nodes_before = 0;
  size_t nodes_after = 0;
  bool skipped = false;
};

// Runs the passes in order. `off` names passes to skip; a name in it that no pass has is an InputError.
std::vector<PassReport> run_passes(Graph& graph, const std::vector<Pass>& passes,
                                   const std::set<std::string>& off = {});

// Drops nodes whose results nobody reads and that change no state.
Pass drop_dead_nodes();

// Every result that is no float32 island is rounded to `precision` after it is written, and so are the
// parameters (but not constants, inputs of integers, or the islands' results).
Pass assign_precision(DType precision);

// The same for a device whose values lie in memory in the run's precision: inputs, states and results that
// are no float32 islands get that type; a view has the type of what it shows. Parameters are marked to be
// rounded; how they are held is the runtime's choice.
Pass assign_types(DType precision);

}  // namespace zoetrope
