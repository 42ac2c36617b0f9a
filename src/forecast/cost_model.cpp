#include "forecast/cost_model.h"

#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "base/error.h"
#include "ops/attention.h"
#include "ops/causal_conv3d.h"
#include "ops/feed_forward.h"
#include "ops/linear.h"

namespace zoetrope {
namespace {

constexpr int64_t kTileRows = 128, kTileColumns = 256;

void describe_product(const NodeView& view, size_t weight, Work& work) {
  const Shape &x = view.in(0), &w = view.in(weight);
  work.kind = WorkKind::product;
  work.rows = x.elements(0, x.rank() - 1);
  work.columns = w[0];
  work.size = 2.0 * static_cast<double>(work.rows) * static_cast<double>(w.elements());
}

}  // namespace

Work work_of(const Graph& graph, const Node& node, const NumberFormats& formats) {
  const NodeView view = graph.view(node);
  Work work{.format = formats.compute};
  if (node.op->view_offset(view)) return work;
  const Cost cost = node.op->cost(view);
  work.flops = cost.flops;
  work.bytes = cost.bytes;
  if (node.op == &linear_op()) {
    describe_product(view, 1, work);
  } else if (node.op == &feed_forward_op()) {
    describe_product(view, 1, work);  // its two products are alike
  } else if (node.op == &attention_op()) {
    // The two products alone, as published rates count it; the op's own count has the softmax too.
    const Shape &q = view.in(0), &k = view.in(1), &v = view.in(2);
    work.flops = 2.0 * static_cast<double>(q.elements(0, 3)) * static_cast<double>(k[1]) *
                 static_cast<double>(q[3] + v[3]);
    work.kind = WorkKind::attention;
    work.format = formats.attention;
    work.size = static_cast<double>(view.in(1)[1]);
    work.head = q[3];
    work.quadratic = q[1] == k[1];
  } else if (node.op == &causal_conv3d_op()) {
    work.kind = WorkKind::convolution;
    work.size = static_cast<double>(view.in(1).elements(1, 5));
  } else {
    work.size = work.bytes;
    work.format = Format::f32;
  }
  return work;
}

double tile_efficiency(int64_t rows, int64_t columns, int multiprocessors) {
  const int64_t tiles = ceil_div(rows, kTileRows) * ceil_div(columns, kTileColumns);
  if (tiles < multiprocessors) return 1;  // below a wave the measured curve says what is lost
  const double slots = static_cast<double>(round_up(tiles, multiprocessors));
  return static_cast<double>(rows) * static_cast<double>(columns) / (slots * kTileRows * kTileColumns);
}

const MeasuredCurve& curve_for(const Work& work, const Efficiency& efficiency, bool burst) {
  const auto distance = [&](const MeasuredCurve& curve) {
    const bool other_format = curve.format && *curve.format != work.format;
    const double heads =
        work.head > 0 && curve.head > 0
            ? std::abs(std::log2(static_cast<double>(work.head) / static_cast<double>(curve.head)))
            : 0.0;
    return (other_format ? 1000.0 : 0.0) + (curve.burst != burst ? 100.0 : 0.0) + heads;
  };
  const MeasuredCurve* best = nullptr;
  for (const MeasuredCurve& curve : efficiency.curves)
    if (curve.kind == work.kind && (!best || distance(curve) < distance(*best))) best = &curve;
  if (!best) throw InternalError("no curve of kind " + std::string(name_of(work.kind)));
  return *best;
}

double seconds_of(const Work& work, const Gpu& gpu, bool burst) {
  if (work.flops <= 0 && work.bytes <= 0) return 0;
  const Efficiency& efficiency = gpu.efficiency;
  const Calibration law = gpu.calibration.value_or(Calibration{});
  const Work moved{.kind = WorkKind::bytes};
  const double bandwidth = gpu.bandwidth * law.rate_scale *
                           curve_for(moved, efficiency, burst).curve.at(std::max(work.bytes, 1.0));
  double rate = gpu.rate(work.format) * law.rate_scale;
  if (work.kind != WorkKind::bytes) rate *= curve_for(work, efficiency, burst).curve.at(work.size);
  if (work.kind == WorkKind::product) rate *= tile_efficiency(work.rows, work.columns, gpu.multiprocessors);
  if (work.kind == WorkKind::attention) rate *= law.attention_ratio;
  return efficiency.launch_gap + std::max(work.flops / rate, work.bytes / bandwidth);
}

}  // namespace zoetrope
