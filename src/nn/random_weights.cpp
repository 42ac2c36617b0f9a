#include "nn/random_weights.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace zoetrope {
namespace {

// 32 well-mixed bits of 32: multiplications and shifts that lose nothing.
uint32_t mixed(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x7FEB352Du;
  x = (x ^ (x >> 15)) * 0x846CA68Bu;
  return x ^ (x >> 16);
}

uint32_t key_of(const std::string& name, uint32_t seed) {
  uint32_t key = mixed(seed);
  for (const char letter : name) key = mixed(key * 31u + static_cast<unsigned char>(letter));
  return key;
}

bool is_norm(const std::string& name) {
  return name.find("norm") != std::string::npos || name.ends_with("gamma");
}

}  // namespace

RandomWeights::RandomWeights(const Model& model, uint32_t seed) {
  for (const Graph& graph : model.smallest_graphs())
    for (ValueId id : graph.all(ValueKind::parameter)) {
      const Value& value = graph.value(id);
      const Shape& shape = value.type.shape;
      Parameter parameter{.elements = shape.elements(), .key = key_of(value.name, seed)};
      const bool vector = shape.rank() == 1;
      const double inputs = static_cast<double>(shape.elements()) / static_cast<double>(shape[0]);
      parameter.spread = static_cast<float>(std::sqrt(3.0) * (vector ? 0.02 : 1.0 / std::sqrt(inputs)));
      parameter.centre = vector && is_norm(value.name) && !value.name.ends_with("bias") ? 1.0f : 0.0f;
      parameters_[value.name] = parameter;
    }
}

void RandomWeights::read(const std::string& name, DType as, void* destination) const {
  const auto found = parameters_.find(name);
  read_part(name, as, 0, found == parameters_.end() ? 0 : found->second.elements, destination);
}

void RandomWeights::read_part(const std::string& name, DType as, int64_t first, int64_t count,
                              void* destination) const {
  const auto found = parameters_.find(name);
  if (found == parameters_.end()) throw InputError("the model has no parameter '" + name + "'");
  const Parameter& parameter = found->second;
  constexpr int64_t kBlock = 4096;
  std::array<float, kBlock> wide;
  auto* out = static_cast<char*>(destination);
  for (int64_t done = 0; done < count; done += kBlock) {
    const int64_t block = std::min(kBlock, count - done);
    for (int64_t i = 0; i < block; ++i) {
      const uint32_t bits = mixed(static_cast<uint32_t>(first + done + i) * 0x9E3779B1u ^ parameter.key);
      wide[static_cast<size_t>(i)] =
          parameter.centre + parameter.spread * (static_cast<float>(bits >> 8) * 0x1p-23f - 1.0f);
    }
    round_to(DType::bf16, wide.data(), static_cast<size_t>(block));
    narrow_from_f32(as, wide.data(), out, static_cast<size_t>(block));
    out += static_cast<size_t>(block) * size_of(as);
  }
}

}  // namespace zoetrope
