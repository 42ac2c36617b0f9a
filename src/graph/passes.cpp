#include "graph/passes.h"

#include <algorithm>
#include <chrono>

namespace zoetrope {

std::vector<PassReport> run_passes(Graph& graph, const std::vector<Pass>& passes,
                                   const std::set<std::string>& off) {
  for (const std::string& name : off)
    if (std::none_of(passes.begin(), passes.end(), [&](const Pass& pass) { return pass.name == name; }))
      throw InputError("there is no pass named '" + name + "'");
  std::vector<PassReport> reports;
  for (const Pass& pass : passes) {
    PassReport report{
        .name = pass.name, .nodes_before = graph.nodes().size(), .skipped = off.contains(pass.name)};
    if (!report.skipped) {
      const auto start = std::chrono::steady_clock::now();
      pass.run(graph);
      report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      verify(graph);
    }
    report.nodes_after = graph.nodes().size();
    reports.push_back(report);
  }
  return reports;
}

Pass drop_dead_nodes() {
  return {"drop_dead_nodes", [](Graph& graph) {
            std::vector<bool> needed(graph.values().size());
            for (const auto& [name, id] : graph.outputs()) needed[static_cast<size_t>(id)] = true;
            std::vector<Node> kept;
            for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node) {
              const NodeView view = graph.view(*node);
              bool keep = false;
              for (size_t i = 0; i < node->inputs.size(); ++i)
                keep = keep || (node->inputs[i] != kNoValue && node->op->mutates(view, i));
              for (ValueId id : node->outputs) keep = keep || needed[static_cast<size_t>(id)];
              if (!keep) continue;
              for (ValueId id : node->inputs)
                if (id != kNoValue) needed[static_cast<size_t>(id)] = true;
              kept.push_back(*node);
            }
            std::reverse(kept.begin(), kept.end());
            graph.replace_nodes(std::move(kept));
          }};
}

Pass assign_precision(DType precision) {
  return {"assign_precision", [precision](Graph& graph) {
            for (size_t i = 0; i < graph.values().size(); ++i) {
              Value& value = graph.value(static_cast<ValueId>(i));
              const bool rounds =
                  value.kind != ValueKind::constant && !value.keep_f32 && value.type.dtype == DType::f32;
              value.rounding = rounds ? precision : DType::f32;
            }
          }};
}

Pass assign_types(DType precision) {
  return {"assign_types", [precision](Graph& graph) {
            for (size_t i = 0; i < graph.values().size(); ++i) {
              Value& value = graph.value(static_cast<ValueId>(i));
              if (value.kind == ValueKind::constant || value.keep_f32 || value.type.dtype != DType::f32)
                continue;
              if (value.kind == ValueKind::parameter)
                value.rounding = precision;
              else
                value.type.dtype = precision;
            }
            for (const Node& node : graph.nodes()) {
              const NodeView view = graph.view(node);
              if (node.op->view_offset(view)) graph.value(node.outputs[0]).type.dtype = view.inputs[0]->dtype;
            }
          }};
}

}  // namespace zoetrope
