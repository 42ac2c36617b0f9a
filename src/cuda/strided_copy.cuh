// Elements from one layout to another, and from one floating type to another.
#pragma once

#include <cuda_runtime_api.h>

#include "cuda/axes.cuh"
#include "cuda/values.cuh"

namespace zoetrope::cuda {

// `axes` walks over every element of `to` once; the strides are those of `from` and of `to`.
void strided_copy(cudaStream_t stream, const Values& from, const Values& to, const Axes<2>& axes);

}  // namespace zoetrope::cuda
