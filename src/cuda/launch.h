// Launch sizes of the kernels that only move bytes.
#pragma once

#include <algorithm>
#include <cstdint>

namespace zoetrope::cuda {

constexpr int kThreads = 256;  // of a block
constexpr int64_t kMostBlocks = 1 << 20;

// Blocks for `items` threads; kernels stride over what is left.
inline unsigned blocks_for(int64_t items) {
  return static_cast<unsigned>(std::clamp<int64_t>((items + kThreads - 1) / kThreads, 1, kMostBlocks));
}

}  // namespace zoetrope::cuda
