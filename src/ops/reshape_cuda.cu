// x -> the same bytes: for a runtime that makes no view of it.
#include "cuda/context.h"
#include "ops/cuda_function.h"
#include "ops/reshape.h"

namespace zoetrope {
namespace {

void launch_reshape(const Launch& launch, const Attributes*) {
  cudaMemcpyAsync(launch.outputs[0].data, launch.inputs[0].data, launch.inputs[0].bytes(),
                  cudaMemcpyDeviceToDevice, cuda::stream_of(launch.stream));
}

}  // namespace

std::span<const Kernel* const> reshape_cuda_kernels() {
  static const CudaFunction kernel("copy", launch_reshape);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
