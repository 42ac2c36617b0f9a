// Rows of scores into weights.
#pragma once

#include <cuda_runtime_api.h>

#include "base/dtype.h"

namespace zoetrope::cuda {

// scores (heads, rows, stride) in float32, of which the first `keys` of a row count -> weights in `type`,
// alike: softmax(scores + bias), zero where the mask is, zeros throughout where no key may be seen.
struct Scores {
  const float* scores = nullptr;
  void* weights = nullptr;
  DType type = DType::f32;
  int64_t heads = 0, rows = 0, keys = 0, stride = 0;
  const int32_t* mask = nullptr;  // (keys): 0 where a key may not be seen; null: all may
  // Of the first head and row here, at key 0; `bias_step` from head to head, one less from row to row. Null:
  // none.
  const float* bias = nullptr;
  int64_t bias_step = 0;
};
void soften(cudaStream_t stream, const Scores& scores);

}  // namespace zoetrope::cuda
