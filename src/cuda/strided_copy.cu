// One pack a thread, in the order of `to`: where eight neighbours stay neighbours, a pack is eight, else one.
#include "cuda/launch.h"
#include "cuda/strided_copy.cuh"

namespace zoetrope::cuda {
namespace {

template <int N>
__global__ void copy_kernel(Values from, Values to, AxesView<2> axes) {
  const uint32_t place = blockIdx.x * blockDim.x + threadIdx.x;
  if (place >= axes.places) return;
  int64_t at[2];
  axes.find(place, at);
  store<N>(to, at[1], load<N>(from, at[0]));
}

}  // namespace

void strided_copy(cudaStream_t stream, const Values& from, const Values& to, const Axes<2>& axes) {
  const Axis<2> last = axes.innermost();
  const bool wide =
      is_wide(kWide, {from, to}) && last.strides[0] == 1 && last.strides[1] == 1 && axes.divides(kWide);
  Axes<2> walk = axes;
  if (wide) walk.divide(kWide);
  walk.launch([&](const AxesView<2>& view) {
    const unsigned blocks = (view.places + kThreads - 1) / kThreads;
    if (wide)
      copy_kernel<kWide><<<blocks, kThreads, 0, stream>>>(from, to, view);
    else
      copy_kernel<1><<<blocks, kThreads, 0, stream>>>(from, to, view);
  });
}

}  // namespace zoetrope::cuda
