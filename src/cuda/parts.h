// Parts of a workspace.
#pragma once

#include <cstddef>

namespace zoetrope::cuda {

// Gives out parts one after the other, each at a multiple of 256 bytes.
struct Parts {
  size_t end = 0;  // of the last part: as much as all take
  size_t take(size_t bytes) {
    if (bytes == 0) return end;
    const size_t at = (end + 255) / 256 * 256;
    end = at + bytes;
    return at;
  }
};

inline char* part(void* workspace, size_t offset) { return static_cast<char*>(workspace) + offset; }

}  // namespace zoetrope::cuda
