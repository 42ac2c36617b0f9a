// What one model of a clip takes on a GPU: the bytes of the session that would run it, and the seconds of
// each of its graphs.
#pragma once

#include <memory>
#include <vector>

#include "forecast/cost_model.h"
#include "runtime/session.h"

namespace zoetrope {

// Seconds and flops of one run of a graph, by kind of work.
struct GraphPrice {
  double seconds = 0;                               // with the waits for streamed weights
  double copy_seconds = 0;                          // of the copies, if they were alone
  double waited = 0;                                // of `seconds`: in which nothing computed
  double launch_seconds = 0;                        // of `seconds`: launch gaps
  double quadratic_flops = 0;                       // of attention of the tokens to each other
  double kind_seconds[4] = {}, kind_flops[4] = {};  // by WorkKind
};

struct ComponentPrice {
  SessionPlan plan;
  std::vector<GraphPrice> graphs;
};

// The precision in which a GPU would hold values for this arithmetic.
DType precision_for(Format compute);

// Throws FitError where no way to hold the weights fits the budget.
ComponentPrice price_component(std::vector<Graph> graphs, const Gpu& gpu, const NumberFormats& formats,
                               int64_t budget_bytes);

// The price of a graph as it was built, its weights resident, without a session: what a run's law is fitted
// to.
GraphPrice price_graph(Graph graph, const Gpu& gpu, const NumberFormats& formats);

}  // namespace zoetrope
