// T5's relative bias as a line of numbers a head.
#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <cstdint>

#include "base/tensor.h"

namespace zoetrope::cuda {

constexpr int64_t kMostBuckets = 256;

// Which bucket a relative position (key - query) falls into, told by integers alone, so that host and device
// agree where logarithms might not.
struct Buckets {
  bool both = true;   // keys behind the query have buckets of their own: the upper half
  int32_t half = 0;   // of these, the first of the upper half
  int32_t exact = 0;  // distances below have a bucket each
  int32_t count = 0;  // of the thresholds
  std::array<int32_t, kMostBuckets> thresholds{};  // [t]: the least distance of bucket exact + 1 + t
};

// line (heads, rows + keys - 1): [h][j - i + rows - 1] is what is added to head h's scaled score of query i
// and key j, where query 0 stands at `position` (int32 on the device; null: 0) among the keys.
struct BiasLine {
  TensorView table;  // (buckets, heads)
  const int32_t* position = nullptr;
  int64_t rows = 0, keys = 0, heads = 0;
  float* line = nullptr;
};
void make_bias_line(cudaStream_t stream, const Buckets& buckets, const BiasLine& bias);

}  // namespace zoetrope::cuda
