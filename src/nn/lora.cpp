#include "nn/lora.h"

#include <algorithm>

#include "ops/linear.h"

namespace zoetrope {
namespace {

const std::string kDown = ".lora_down", kUp = ".lora_up";

bool cut_suffix(std::string& name, const std::string& suffix) {
  if (!name.ends_with(suffix)) return false;
  name.resize(name.size() - suffix.size());
  return true;
}

// y' = y + B (A x) behind a linear layer y = W x; returns y'.
ValueId add_branch(Graph& graph, const Node& layer, int64_t rank, std::vector<Node>& nodes) {
  const std::string weight = graph.value(layer.inputs[1]).name;
  const Shape wide = graph.value(layer.outputs[0]).type.shape,
              shape = graph.value(layer.inputs[1]).type.shape;
  const bool keep_f32 = graph.value(layer.outputs[0]).keep_f32;
  Shape narrow = wide;
  narrow[-1] = rank;
  const ValueId down = graph.parameter(weight + kDown, {rank, shape[1]}).id(),
                up = graph.parameter(weight + kUp, {shape[0], rank}).id();
  const ValueId inner = graph.add_result({DType::f32, narrow}, weight + kDown + ".y");
  const ValueId outer = graph.add_result({DType::f32, wide}, weight + kUp + ".y");
  for (ValueId id : {down, up, inner, outer}) graph.value(id).keep_f32 = keep_f32;
  const auto attributes = std::make_shared<LinearAttributes>();
  nodes.push_back(
      {&linear_op(), attributes, {layer.inputs[0], down, kNoValue, kNoValue}, {inner}, layer.scope});
  nodes.push_back({&linear_op(), attributes, {inner, up, kNoValue, layer.outputs[0]}, {outer}, layer.scope});
  return outer;
}

}  // namespace

LoraModel LoraSource::describe(const DenoiserModel& model) {
  LoraModel description;
  for (const Graph& graph : model.smallest_graphs())
    for (ValueId id : graph.all(ValueKind::parameter))
      description.parameters.emplace(graph.value(id).name, graph.value(id).type.shape);
  for (const auto& [other, canonical] : model.module_names())
    if (other != canonical) description.other_modules.emplace(other, canonical);
  // Modules of image to video before 2.2, which a LoRA of a relative may hold.
  description.ignorable_parts = {"k_img", "v_img", "img_emb", "norm_k_img"};
  return description;
}

void LoraSource::add(const std::shared_ptr<const Lora>& lora, double strength) {
  for (const LoraEntry& entry : lora->entries()) {
    const double scale = strength * (entry.kind == LoraKind::low_rank ? entry.scale : 1.0);
    if (scale == 0) continue;
    if (entry.kind == LoraKind::difference) {
      differences_[entry.parameter].push_back({lora, &entry, scale});
      continue;
    }
    Branch& branch = branches_[entry.parameter];
    branch.parts.push_back({lora, &entry, scale});
    branch.rank += entry.rank;
  }
}

Pass LoraSource::pass() const {
  return {"lora", [this](Graph& graph) {
            std::vector<Node> nodes;
            std::map<ValueId, ValueId> renamed;
            for (Node node : graph.nodes()) {
              for (ValueId& id : node.inputs)
                if (const auto it = renamed.find(id); it != renamed.end()) id = it->second;
              nodes.push_back(node);
              if (node.op != &linear_op() || graph.value(node.inputs[1]).kind != ValueKind::parameter)
                continue;
              const auto branch = branches_.find(graph.value(node.inputs[1]).name);
              if (branch == branches_.end()) continue;
              const ValueId sum = add_branch(graph, node, branch->second.rank, nodes);
              renamed[node.outputs[0]] = sum;
              graph.replace_output(node.outputs[0], sum);
            }
            graph.replace_nodes(std::move(nodes));
          }};
}

DType LoraSource::stored_type(const std::string& name) const {
  if (name.ends_with(kDown) || name.ends_with(kUp) || differences_.contains(name)) return DType::f32;
  return base_.stored_type(name);
}

// down: the parts' rows one below the other. up: their columns side by side, scaled.
void LoraSource::read_branch(const Branch& branch, bool up, float* out) const {
  int64_t before = 0;
  for (const Part& part : branch.parts) {
    const HostTensor values = part.lora->load(up ? *part.entry->up : *part.entry->down).to_f32();
    const int64_t rank = part.entry->rank, other = values.elements() / rank;
    if (!up) {
      std::copy_n(values.f32().data(), values.elements(), out + before * other);
    } else {
      for (int64_t row = 0; row < other; ++row)
        for (int64_t k = 0; k < rank; ++k)
          out[row * branch.rank + before + k] =
              static_cast<float>(part.scale * values.f32()[static_cast<size_t>(row * rank + k)]);
    }
    before += rank;
  }
}

int64_t LoraSource::elements_of(const Branch& branch, bool up) {
  int64_t elements = 0;
  for (const Part& part : branch.parts)
    elements += (up ? part.entry->up : part.entry->down)->shape.elements();
  return elements;
}

// What the LoRA leaves alone is the base's.
bool LoraSource::has_parts(const std::string& name) const {
  return !name.ends_with(kDown) && !name.ends_with(kUp) && !differences_.contains(name) &&
         base_.has_parts(name);
}

void LoraSource::read_part(const std::string& name, DType as, int64_t first, int64_t count,
                           void* destination) const {
  base_.read_part(name, as, first, count, destination);
}

void LoraSource::read(const std::string& name, DType as, void* destination) const {
  std::string weight = name;
  const bool up = cut_suffix(weight, kUp);
  if (up || cut_suffix(weight, kDown)) {
    const Branch& branch = branches_.at(weight);
    if (as == DType::f32) return read_branch(branch, up, static_cast<float*>(destination));
    std::vector<float> wide(static_cast<size_t>(elements_of(branch, up)));
    read_branch(branch, up, wide.data());
    return narrow_from_f32(as, wide.data(), destination, wide.size());
  }
  const auto differences = differences_.find(name);
  if (differences == differences_.end()) return base_.read(name, as, destination);
  std::vector<float> sum(static_cast<size_t>(differences->second[0].entry->delta->shape.elements()));
  base_.read(name, DType::f32, sum.data());
  for (const Part& part : differences->second) {
    const HostTensor delta = part.lora->load(*part.entry->delta).to_f32();
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<float>(part.scale * delta.f32()[i]);
  }
  narrow_from_f32(as, sum.data(), destination, sum.size());
}

}  // namespace zoetrope
