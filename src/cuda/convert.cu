#include "cuda/convert.h"
#include "cuda/launch.h"
#include "cuda/values.cuh"

namespace zoetrope::cuda {
namespace {

template <int N>
__global__ void convert_kernel(Values from, Values to, int64_t packs) {
  for (int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x; i < packs;
       i += int64_t{gridDim.x} * blockDim.x)
    store<N>(to, i * N, load<N>(from, i * N));
}

}  // namespace

void convert(cudaStream_t stream, DType from_type, const void* from, DType to_type, void* to, int64_t count) {
  if (count == 0) return;
  const Values source{const_cast<void*>(from), from_type}, target{to, to_type};
  if (is_wide(count, {source, target}))
    convert_kernel<kWide><<<blocks_for(count / kWide), kThreads, 0, stream>>>(source, target, count / kWide);
  else
    convert_kernel<1><<<blocks_for(count), kThreads, 0, stream>>>(source, target, count);
}

}  // namespace zoetrope::cuda
