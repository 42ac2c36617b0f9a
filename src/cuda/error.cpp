#include "cuda/error.h"

#include <string>

#include "base/error.h"

namespace zoetrope::cuda {

void check(cudaError_t status, std::string_view call) {
  if (status == cudaSuccess) return;
  const std::string what =
      std::string(call) + ": " + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) + ")";
  if (status == cudaErrorMemoryAllocation)
    throw FitError(what, "cuda", "give a smaller --budget, or end other programs that use the GPU");
  throw DeviceError(what, "cuda", "start again: finished stages are kept");
}

void check(cublasStatus_t status, std::string_view call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw DeviceError(std::string(call) + ": " + cublasLtGetStatusString(status), "cuBLASLt",
                    "start again: finished stages are kept");
}

}  // namespace zoetrope::cuda
