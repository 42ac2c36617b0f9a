// ids (n), table (V, D) -> (n, D).
#include "cuda/context.h"
#include "cuda/tiles.cuh"
#include "cuda/values.cuh"
#include "ops/cuda_function.h"
#include "ops/embedding.h"

namespace zoetrope {
namespace {

using cuda::Values;

struct Table {
  Values values;
  int64_t rows, width;
};

template <int N>
__global__ void embedding_kernel(const int32_t* ids, int64_t count, Table table, Values y) {
  const int64_t i = cuda::tile_row();
  if (i >= count) return;
  const int64_t row = min(max(int64_t{ids[i]}, int64_t{0}), table.rows - 1);
  for (int64_t c = cuda::first_pack() * N; c < table.width; c += cuda::pack_stride() * N)
    cuda::store<N>(y, i * table.width + c, cuda::load<N>(table.values, row * table.width + c));
}

void launch_embedding(const Launch& launch, const Attributes*) {
  const TensorView &ids = launch.inputs[0], &rows = launch.inputs[1];
  const Table table{cuda::values_of(rows), rows.shape[0], rows.shape[1]};
  const Values y = cuda::values_of(launch.outputs[0]);
  const int64_t count = ids.shape.elements();
  if (count * table.width == 0) return;
  const cudaStream_t stream = cuda::stream_of(launch.stream);
  if (cuda::is_wide(table.width, {table.values, y})) {
    const cuda::Tiles tiles = cuda::tiles_for(count, table.width / cuda::kWide);
    embedding_kernel<cuda::kWide>
        <<<tiles.blocks, tiles.threads, 0, stream>>>(ids.as<const int32_t>(), count, table, y);
  } else {
    const cuda::Tiles tiles = cuda::tiles_for(count, table.width);
    embedding_kernel<1><<<tiles.blocks, tiles.threads, 0, stream>>>(ids.as<const int32_t>(), count, table, y);
  }
}

}  // namespace

std::span<const Kernel* const> embedding_cuda_kernels() {
  static const CudaFunction kernel("rows of a table", launch_embedding);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
