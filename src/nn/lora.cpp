#include "nn/lora.h"

#include <algorithm>
#include <array>
#include <span>

#include "ops/linear.h"

namespace zoetrope {
namespace {

const std::string kDown = ".lora_down", kUp = ".lora_up";

bool cut_suffix(std::string_view& name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return false;
  name.remove_suffix(suffix.size());
  return true;
}

// Values go through blocks on the stack. Nothing is allocated: streamed parameters are read during a run.
constexpr int64_t kBlock = 8192;

// Calls use(first element, values) for all of a tensor.
template <class Use>
void read_in_blocks(const Lora& lora, const TensorInfo& tensor, const Use& use) {
  std::array<float, kBlock> values;
  const int64_t elements = tensor.shape.elements();
  for (int64_t first = 0; first < elements; first += kBlock) {
    const int64_t count = std::min(kBlock, elements - first);
    lora.read(tensor, first, count, values.data());
    use(first, std::span(values.data(), static_cast<size_t>(count)));
  }
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
void LoraSource::read_branch(const Branch& branch, bool up, DType as, std::byte* out) const {
  const auto width = static_cast<int64_t>(size_of(as));
  int64_t before = 0;  // of the joined rank
  for (const Part& part : branch.parts) {
    const int64_t rank = part.entry->rank;
    if (up) {
      read_in_blocks(*part.lora, *part.entry->up, [&](int64_t first, std::span<float> values) {
        for (float& value : values) value = static_cast<float>(part.scale * value);
        const int64_t end = first + std::ssize(values);
        for (int64_t at = first, next = 0; at < end; at = next) {  // what lies in one row
          next = std::min(end, (at / rank + 1) * rank);
          narrow_from_f32(as, values.data() + (at - first),
                          out + (at / rank * branch.rank + before + at % rank) * width,
                          static_cast<size_t>(next - at));
        }
      });
    } else {
      const int64_t start = before * (part.entry->down->shape.elements() / rank);
      read_in_blocks(*part.lora, *part.entry->down, [&](int64_t first, std::span<float> values) {
        narrow_from_f32(as, values.data(), out + (start + first) * width, values.size());
      });
    }
    before += rank;
  }
}

// `base` and the differences of several LoRAs, a block at a time.
void LoraSource::read_sum(const std::string& name, const std::vector<Part>& differences, DType as,
                          int64_t first, int64_t count, std::byte* out) const {
  std::array<float, kBlock> sum, difference;
  for (int64_t done = 0; done < count; done += kBlock) {
    const int64_t block = std::min(kBlock, count - done);
    base_.read_part(name, DType::f32, first + done, block, sum.data());
    for (const Part& part : differences) {
      part.lora->read(*part.entry->delta, first + done, block, difference.data());
      for (size_t i = 0; i < static_cast<size_t>(block); ++i)
        sum[i] += static_cast<float>(part.scale * difference[i]);
    }
    narrow_from_f32(as, sum.data(), out + done * static_cast<int64_t>(size_of(as)),
                    static_cast<size_t>(block));
  }
}

// A branch is read as a whole: it is joined from several files, and small.
bool LoraSource::has_parts(const std::string& name) const {
  return !name.ends_with(kDown) && !name.ends_with(kUp) && base_.has_parts(name);
}

void LoraSource::read_part(const std::string& name, DType as, int64_t first, int64_t count,
                           void* destination) const {
  const auto differences = differences_.find(name);
  if (differences == differences_.end()) return base_.read_part(name, as, first, count, destination);
  read_sum(name, differences->second, as, first, count, static_cast<std::byte*>(destination));
}

void LoraSource::read(const std::string& name, DType as, void* destination) const {
  std::string_view weight = name;
  const bool up = cut_suffix(weight, kUp);
  if (up || cut_suffix(weight, kDown))
    return read_branch(branches_.find(weight)->second, up, as, static_cast<std::byte*>(destination));
  const auto differences = differences_.find(name);
  if (differences == differences_.end()) return base_.read(name, as, destination);
  read_part(name, as, 0, differences->second[0].entry->delta->shape.elements(), destination);
}

}  // namespace zoetrope
