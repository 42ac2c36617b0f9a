// value (outer, n, inner) -> rows [start + position, + n) of state (outer, N, inner). The position lies on
// the device, so that one captured run serves every position.
#include "cuda/context.h"
#include "cuda/tiles.cuh"
#include "cuda/values.cuh"
#include "ops/axis.h"
#include "ops/cuda_function.h"
#include "ops/write_state.h"

namespace zoetrope {
namespace {

using cuda::Values;

struct Rows {
  int64_t outer, value, state, inner;  // rows of inner elements, value and state of them for each of outer
  int64_t start;
  const int32_t* position;  // nullptr: 0
};

template <int N>
__global__ void write_state_kernel(Values value, Values state, Rows rows) {
  const int64_t outer = cuda::tile_row();
  if (outer >= rows.outer) return;
  const int64_t asked = rows.start + (rows.position ? *rows.position : 0);
  // Beyond these nothing is written, and the elements can be counted.
  const int64_t first = min(max(asked, -rows.value), rows.state) * rows.inner;
  const int64_t count = rows.value * rows.inner, room = rows.state * rows.inner;
  for (int64_t c = cuda::first_pack() * N; c < count; c += cuda::pack_stride() * N) {
    const int64_t place = first + c;
    if (place >= 0 && place < room)
      cuda::store<N>(state, outer * room + place, cuda::load<N>(value, outer * count + c));
  }
}

void launch_write_state(const Launch& launch, const Attributes* attributes) {
  const auto& settings = static_cast<const WriteStateAttributes&>(*attributes);
  const AxisSplit to = split_at(launch.inputs[0].shape, settings.axis),
                  from = split_at(launch.inputs[1].shape, settings.axis);
  const Rows rows{to.outer, from.extent,    to.extent,
                  to.inner, settings.start, launch.inputs[2].as<const int32_t>()};
  const int64_t count = rows.value * rows.inner;
  if (rows.outer * count == 0) return;
  const Values state = cuda::movable(launch.inputs[0]), value = cuda::movable(launch.inputs[1]);
  const cudaStream_t stream = cuda::stream_of(launch.stream);
  if (cuda::is_wide(rows.inner, {state, value})) {
    const cuda::Tiles tiles = cuda::tiles_for(rows.outer, count / cuda::kWide);
    write_state_kernel<cuda::kWide><<<tiles.blocks, tiles.threads, 0, stream>>>(value, state, rows);
  } else {
    const cuda::Tiles tiles = cuda::tiles_for(rows.outer, count);
    write_state_kernel<1><<<tiles.blocks, tiles.threads, 0, stream>>>(value, state, rows);
  }
}

}  // namespace

std::span<const Kernel* const> write_state_cuda_kernels() {
  static const CudaFunction kernel("copy of rows", launch_write_state);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
