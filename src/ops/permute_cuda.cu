// x -> y, axes in another order. Axes that stay together are joined first. Where the innermost axis stays
// innermost, packs of it are copied. Else two axes matter: `last`, innermost in y, and `first`, innermost in
// x; tiles of 64 x 64 over the two go through shared memory, so that both sides see whole lines. Where one of
// the two is shorter than a line is worth, or the type changes, each element is fetched by itself.
#include "cuda/context.h"
#include "cuda/strided_copy.cuh"
#include "ops/cuda_function.h"
#include "ops/permute.h"

namespace zoetrope {
namespace {

using cuda::Axes;
using cuda::AxesView;
using cuda::Axis;

constexpr int kTile = 64, kLanes = 32, kRows = 8;  // a block of kLanes x kRows threads a tile
constexpr int64_t kShort = 8;

// The axes of y that have more than one element; strides in x and in y.
Axes<2> axes_of(const Shape& x, const Shape& y, const std::vector<int>& order) {
  Axes<2> axes;
  for (int i = 0; i < y.rank(); ++i)
    axes.add({y[i], {x.elements(order[static_cast<size_t>(i)] + 1, x.rank()), y.elements(i + 1, y.rank())}});
  return axes;
}

// A tile's walk: strides in x, in y, along `first` and along `last`. Here each is an axis of tiles.
struct Transposition {
  int64_t first_extent, last_extent;
  int64_t last_in;    // from element to element of `last` in x; of `first` it is 1
  int64_t first_out;  // of `first` in y; of `last` it is 1
};

template <class T>
__global__ void __launch_bounds__(kLanes* kRows)
    transpose_kernel(const T* __restrict__ x, T* __restrict__ y, AxesView<4> tiles, Transposition t) {
  __shared__ T tile[kTile][kTile + 4 / sizeof(T)];
  int64_t at[4];
  tiles.find(blockIdx.x, at);
  const int columns = static_cast<int>(min(t.first_extent - at[2], int64_t{kTile}));
  const int rows = static_cast<int>(min(t.last_extent - at[3], int64_t{kTile}));
  const T* from = x + at[0];
  T held[kTile / kRows][kTile / kLanes];  // all asked for before the first is waited for
#pragma unroll
  for (int r = 0; r < kTile / kRows; ++r)
#pragma unroll
    for (int c = 0; c < kTile / kLanes; ++c) {
      const int row = r * kRows + threadIdx.y, column = c * kLanes + threadIdx.x;
      if (row < rows && column < columns) held[r][c] = from[row * t.last_in + column];
    }
#pragma unroll
  for (int r = 0; r < kTile / kRows; ++r)
#pragma unroll
    for (int c = 0; c < kTile / kLanes; ++c)
      tile[r * kRows + threadIdx.y][c * kLanes + threadIdx.x] = held[r][c];
  __syncthreads();
  T* to = y + at[1];
#pragma unroll
  for (int c = 0; c < kTile; c += kRows)
#pragma unroll
    for (int r = 0; r < kTile; r += kLanes) {
      const int column = c + threadIdx.y, row = r + threadIdx.x;
      if (row < rows && column < columns) to[column * t.first_out + row] = tile[row][column];
    }
}

template <class T>
void transpose(const Launch& launch, const Axes<4>& tiles, const Transposition& t) {
  tiles.launch([&](const AxesView<4>& view) {
    transpose_kernel<T><<<view.places, dim3(kLanes, kRows), 0, cuda::stream_of(launch.stream)>>>(
        launch.inputs[0].as<const T>(), launch.outputs[0].as<T>(), view, t);
  });
}

// False where tiles are not worth it.
bool transpose_tiles(const Launch& launch, Axes<2> axes) {
  if (launch.inputs[0].dtype != launch.outputs[0].dtype || axes.count() < 2) return false;
  const Axis<2> last = axes.remove(axes.count() - 1);
  int place = 0;
  while (place < axes.count() && axes[place].strides[0] != 1) ++place;
  if (last.strides[0] == 1 || place == axes.count()) return false;
  const Axis<2> first = axes.remove(place);
  if (first.extent < kShort || last.extent < kShort) return false;
  Axes<4> tiles;
  auto count = [](int64_t extent) { return (extent + kTile - 1) / kTile; };
  for (int i = 0; i < axes.count(); ++i)
    tiles.add({axes[i].extent, {axes[i].strides[0], axes[i].strides[1], 0, 0}});
  tiles.add({count(last.extent), {kTile * last.strides[0], kTile, 0, kTile}});
  tiles.add({count(first.extent), {kTile, kTile * first.strides[1], kTile, 0}});
  const Transposition t{first.extent, last.extent, last.strides[0], first.strides[1]};
  if (size_of(launch.inputs[0].dtype) == 4)
    transpose<uint32_t>(launch, tiles, t);
  else
    transpose<uint16_t>(launch, tiles, t);
  return true;
}

void launch_permute(const Launch& launch, const Attributes* attributes) {
  const Axes<2> axes = axes_of(launch.inputs[0].shape, launch.outputs[0].shape,
                               static_cast<const PermuteAttributes&>(*attributes).axes);
  if (!transpose_tiles(launch, axes))
    cuda::strided_copy(cuda::stream_of(launch.stream), cuda::movable(launch.inputs[0]),
                       cuda::movable(launch.outputs[0]), axes);
}

}  // namespace

std::span<const Kernel* const> permute_cuda_kernels() {
  static const CudaFunction kernel("tiles or packs", launch_permute);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
