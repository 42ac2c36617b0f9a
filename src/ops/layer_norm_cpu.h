// What the layer norms on the CPU share.
#pragma once

#include <cstdint>

namespace zoetrope {

struct RowMoments {
  float mean;
  float factor;  // 1 / sqrt(variance + eps)
};

// Of n values. Two passes: eight partial sums, then in double.
RowMoments row_moments(const float* x, float eps, int64_t n);

}  // namespace zoetrope
