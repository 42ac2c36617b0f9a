// The header of a safetensors file: the list of its tensors, read from text that nobody vouches for.
// Format: https://github.com/huggingface/safetensors (README, "Format").
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/shape.h"

namespace zoetrope {

struct TensorInfo {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  uint64_t offset = 0;  // bytes from the end of the header
  uint64_t bytes = 0;   // = elements * size_of(dtype)
};

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;              // in the order of their data
  std::map<std::string, std::string> metadata;  // "__metadata__"
};

// Bounds of our own; the first is the reference library's.
constexpr uint64_t kMostHeaderBytes = 100'000'000;
constexpr size_t kMostTensors = 400'000;         // the largest public models have some 30,000
constexpr size_t kMostNameBytes = 2048;          // a tensor's or metadata's name
constexpr size_t kMostMetadataBytes = 16 << 20;  // all values together

// Parses the JSON text of a header over `data_bytes` bytes of tensor data. Every tensor must have a known
// type, a shape whose bytes are those of its offsets, a name of its own, free of control characters; together
// they must cover the data exactly, without hole or overlap. Else an InputError naming `file`, the tensor and
// the remedy. Memory: the tensors' own entries, no tree of the text.
SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_bytes,
                                           const std::string& file);

}  // namespace zoetrope
