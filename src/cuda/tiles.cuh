// Element by element over rows, where operands differ by the row: threads lie over rows and the packs of a
// row, so that no thread divides to find its place.
#pragma once

#include <algorithm>

#include "cuda/launch.h"

namespace zoetrope::cuda {

struct Tiles {
  dim3 threads, blocks;  // x of blocks and y of threads over rows; the others over the packs of a row
};

// Every extent must be at least 1.
inline Tiles tiles_for(int64_t rows, int64_t packs) {
  int64_t across = 1;
  while (across < packs && across < kThreads) across *= 2;
  // A narrower tile where it leaves fewer threads idle: 640 packs are 5 · 128 exactly.
  auto idle = [&](int64_t width) { return (packs + width - 1) / width * width - packs; };
  for (int64_t width = across / 2; width >= 32; width /= 2)
    if (idle(width) < idle(across)) across = width;
  const int64_t down = kThreads / across;
  constexpr int64_t kMost = 65535;  // of blocks in y; threads stride over what is left
  return {dim3(static_cast<unsigned>(across), static_cast<unsigned>(down)),
          dim3(static_cast<unsigned>((rows + down - 1) / down),
               static_cast<unsigned>(std::min((packs + across - 1) / across, kMost)))};
}

__device__ inline int64_t tile_row() { return blockIdx.x * int64_t{blockDim.y} + threadIdx.y; }
__device__ inline int64_t first_pack() { return blockIdx.y * int64_t{blockDim.x} + threadIdx.x; }
__device__ inline int64_t pack_stride() { return int64_t{gridDim.y} * blockDim.x; }

}  // namespace zoetrope::cuda
