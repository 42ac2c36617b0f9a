// Seconds of one step on a GPU: a launch gap, then whichever lasts longer, its operations at the rate that
// such a shape reaches or its bytes at the bandwidth that so many bytes reach.
#pragma once

#include "forecast/gpu_catalogue.h"
#include "graph/graph.h"

namespace zoetrope {

// A step as the model sees it.
struct Work {
  WorkKind kind = WorkKind::bytes;
  Format format = Format::bf16;  // of the arithmetic
  double flops = 0, bytes = 0;
  double size = 0;                // where on its curve it stands: see assets/gpus.yaml
  int64_t rows = 0, columns = 0;  // of a product's result, for tiles and waves
  int64_t head = 0;               // of an attention
  bool quadratic = false;         // an attention of a sequence to itself
};

struct NumberFormats {
  Format compute = Format::bf16;  // of products and convolutions
  Format attention = Format::bf16;
  Format weights = Format::bf16;  // as they lie in memory
};

// What a node costs, by its op's own count. The work of a view is nothing.
Work work_of(const Graph& graph, const Node& node, const NumberFormats& formats);

// Seconds on the compute lane. `burst`: within the first tenths of a second of load.
double seconds_of(const Work& work, const Gpu& gpu, bool burst = false);

// The share of a product's tiles of 128 x 256 that is work: what tiles at the edges and the last wave waste,
// once there is a whole wave.
double tile_efficiency(int64_t rows, int64_t columns, int multiprocessors);

// The curve that answers for a work: of its kind and format and the nearest head, else of its kind alone.
const MeasuredCurve& curve_for(const Work& work, const Efficiency& efficiency, bool burst);

}  // namespace zoetrope
