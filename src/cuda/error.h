// CUDA's and its libraries' status codes as our errors.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <string_view>

namespace zoetrope::cuda {

// Throws DeviceError naming the call where the status is not success; FitError where memory ran out.
void check(cudaError_t status, std::string_view call);
void check(cublasStatus_t status, std::string_view call);

}  // namespace zoetrope::cuda
