// One type of value into another.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "base/dtype.h"

namespace zoetrope::cuda {

// `count` dense values of any types among f32, bf16 and f16, rounded to nearest. `to` may be `from` where the
// types are of one size.
void convert(cudaStream_t stream, DType from_type, const void* from, DType to_type, void* to, int64_t count);

}  // namespace zoetrope::cuda
