// What the kernels of this process share on the GPU that was opened: its streams and the libraries' handles.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include "device/device.h"

namespace zoetrope::cuda {

struct Context {
  int index = 0;
  cudaStream_t compute = nullptr;
  cudaStream_t copy = nullptr;
  cublasLtHandle_t blas = nullptr;
};

// Throws InternalError where no CUDA device was opened.
const Context& context();

inline cudaStream_t stream_of(void* stream) { return static_cast<cudaStream_t>(stream); }

}  // namespace zoetrope::cuda
