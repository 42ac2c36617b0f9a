// x (outer, N, inner) -> (outer, before + N + after, inner): a row of the result for each of outer, zeros
// where x has nothing.
#include "cuda/context.h"
#include "cuda/tiles.cuh"
#include "cuda/values.cuh"
#include "ops/axis.h"
#include "ops/cuda_function.h"
#include "ops/pad.h"

namespace zoetrope {
namespace {

using cuda::Values;

struct Rows {
  int64_t count, from, to;  // elements of a row of x and of the result
  int64_t before;           // zeros, in elements
};

template <int N>
__global__ void pad_kernel(Values x, Values y, Rows rows) {
  const int64_t row = cuda::tile_row();
  if (row >= rows.count) return;
  for (int64_t c = cuda::first_pack() * N; c < rows.to; c += cuda::pack_stride() * N) {
    const int64_t source = c - rows.before;
    cuda::Pack<N> pack{};
    if (source >= 0 && source < rows.from) pack = cuda::load<N>(x, row * rows.from + source);
    cuda::store<N>(y, row * rows.to + c, pack);
  }
}

void launch_pad(const Launch& launch, const Attributes* attributes) {
  const auto& settings = static_cast<const PadAttributes&>(*attributes);
  const AxisSplit split = split_at(launch.inputs[0].shape, settings.axis);
  const Rows rows{split.outer, split.extent * split.inner,
                  (settings.before + split.extent + settings.after) * split.inner,
                  settings.before * split.inner};
  if (rows.count * rows.to == 0) return;
  const Values x = cuda::movable(launch.inputs[0]), y = cuda::movable(launch.outputs[0]);
  const cudaStream_t stream = cuda::stream_of(launch.stream);
  if (cuda::is_wide(split.inner, {x, y})) {
    const cuda::Tiles tiles = cuda::tiles_for(rows.count, rows.to / cuda::kWide);
    pad_kernel<cuda::kWide><<<tiles.blocks, tiles.threads, 0, stream>>>(x, y, rows);
  } else {
    const cuda::Tiles tiles = cuda::tiles_for(rows.count, rows.to);
    pad_kernel<1><<<tiles.blocks, tiles.threads, 0, stream>>>(x, y, rows);
  }
}

}  // namespace

std::span<const Kernel* const> pad_cuda_kernels() {
  static const CudaFunction kernel("rows with zeros", launch_pad);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
