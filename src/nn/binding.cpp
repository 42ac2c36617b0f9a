#include "nn/binding.h"

#include <fmt/format.h>

#include <set>

namespace zoetrope {
namespace {

// Equal once extents of 1 are left out.
bool same_but_for_ones(const Shape& a, const Shape& b) {
  std::vector<int64_t> x, y;
  for (int64_t extent : a)
    if (extent != 1) x.push_back(extent);
  for (int64_t extent : b)
    if (extent != 1) y.push_back(extent);
  return x == y;
}

std::string listed(const char* what, const std::vector<std::string>& names) {
  return names.empty() ? "" : fmt::format("{}{} {}: {}", "; ", names.size(), what, join_first(names));
}

}  // namespace

Binding::Binding(const Model& model, const Checkpoint& checkpoint) : checkpoint_(checkpoint) {
  TensorShapes shapes;
  for (const CheckpointTensor& tensor : checkpoint.tensors()) shapes.emplace(tensor.name(), tensor.shape());
  layout_ = model.layout(shapes);
  std::map<std::string, Shape> wanted;
  for (const Graph& graph : model.smallest_graphs())
    for (ValueId id : graph.all(ValueKind::parameter))
      wanted.emplace(graph.value(id).name, graph.value(id).type.shape);

  std::vector<std::string> missing, misshapen, unexpected;
  std::set<std::string, std::less<>> read;
  for (const auto& [name, shape] : wanted) {
    const auto given = layout_.rules.find(name);
    const BindRule rule = given != layout_.rules.end() ? given->second : BindRule{{{name}}, std::nullopt};
    Bound bound{.elements = shape.elements()};
    int64_t elements = 0;
    bool complete = true;
    Shape joined;
    for (const BindRule::Part& part : rule.parts) {
      const std::string full = layout_.prefix + part.tensor;
      const CheckpointTensor* tensor = checkpoint.find(full);
      if (!tensor) {
        missing.push_back(full);
        complete = false;
        continue;
      }
      read.insert(full);
      const int64_t rows = tensor->shape().rank() ? tensor->shape()[0] : 1;
      const int64_t count = part.rows < 0 ? rows - part.first_row : part.rows;
      if (part.first_row < 0 || count < 0 || part.first_row + count > rows || !is_floating(tensor->dtype())) {
        misshapen.push_back(fmt::format("{} {}{}", full, name_of(tensor->dtype()), tensor->shape().text()));
        complete = false;
        continue;
      }
      const uint64_t row_bytes = rows ? tensor->bytes() / static_cast<uint64_t>(rows) : 0;
      bound.pieces.push_back({tensor, row_bytes * static_cast<uint64_t>(part.first_row),
                              row_bytes * static_cast<uint64_t>(count)});
      elements += rows ? tensor->shape().elements() / rows * count : 0;
      const int64_t before = joined.rank() ? joined[0] : 0;
      joined = tensor->shape();
      if (joined.rank()) joined[0] = before + count;
    }
    if (!complete) continue;
    const Shape& expected = rule.stored_shape ? *rule.stored_shape : shape;
    if (elements != shape.elements() || !same_but_for_ones(joined, expected)) {
      misshapen.push_back(fmt::format("{} is {}, the config asks for {}",
                                      layout_.prefix + rule.parts[0].tensor, joined.text(), expected.text()));
      continue;
    }
    bound.type = bound.pieces[0].tensor->dtype();
    for (const Piece& piece : bound.pieces)
      if (piece.tensor->dtype() != bound.type) bound.type = DType::f32;
    bound_.emplace(name, std::move(bound));
  }
  const std::set<std::string, std::less<>> ignored(layout_.ignored.begin(), layout_.ignored.end());
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    std::string_view bare = tensor.name();
    if (bare.starts_with(layout_.prefix)) bare.remove_prefix(layout_.prefix.size());
    if (!read.contains(tensor.name()) && !ignored.contains(bare)) unexpected.push_back(tensor.name());
  }
  if (missing.empty() && misshapen.empty() && unexpected.empty()) return;
  throw InputError(fmt::format("the weights do not fit the config ({} names){}{}{}", layout_.name,
                               listed("tensors of another shape", misshapen), listed("missing", missing),
                               listed("unexpected", unexpected)),
                   checkpoint.path().string(), "take config.json and weights from the same model");
}

const Binding::Bound& Binding::bound(const std::string& name) const {
  const auto found = bound_.find(name);
  if (found == bound_.end())
    throw InputError("no weights are bound to the parameter '" + name + "'", checkpoint_.path().string());
  return found->second;
}

DType Binding::stored_type(const std::string& name) const { return bound(name).type; }

void Binding::read(const std::string& name, DType as, void* destination) const {
  read_part(name, as, 0, bound(name).elements, destination);
}

void Binding::read_part(const std::string& name, DType as, int64_t first, int64_t count,
                        void* destination) const {
  const Bound& source = bound(name);
  auto* out = static_cast<char*>(destination);
  for (const Piece& piece : source.pieces) {
    const auto width = size_of(piece.tensor->dtype());
    const auto elements = static_cast<int64_t>(piece.bytes / width);
    const int64_t taken = std::min(count, elements - first);
    if (taken > 0) {
      read_elements(piece, as, first, taken, out);
      out += static_cast<size_t>(taken) * size_of(as);
      count -= taken;
    }
    first = std::max<int64_t>(0, first - elements);
  }
}

void Binding::read_elements(const Piece& piece, DType as, int64_t first, int64_t count, char* out) const {
  const DType stored = piece.tensor->dtype();
  const uint64_t width = size_of(stored), start = piece.first_byte + static_cast<uint64_t>(first) * width;
  const auto total = static_cast<uint64_t>(count);
  if (as == stored) return checkpoint_.read_part(*piece.tensor, start, total * width, out);
  // Through float32, a block at a time. Nothing is allocated: streamed parameters are read during a run.
  constexpr uint64_t kBlock = 8192;
  std::array<std::byte, 8 * kBlock> bytes;
  std::array<float, kBlock> wide;
  for (uint64_t done = 0; done < total; done += kBlock) {
    const uint64_t block = std::min(kBlock, total - done);
    checkpoint_.read_part(*piece.tensor, start + done * width, block * width, bytes.data());
    widen_to_f32(stored, bytes.data(), wide.data(), block);
    narrow_from_f32(as, wide.data(), out, block);
    out += block * size_of(as);
  }
}

}  // namespace zoetrope
