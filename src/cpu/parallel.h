// Splitting elementwise work over the OpenMP pool. Every element is computed by the same arithmetic whoever
// computes it, so results do not depend on the number of threads.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>

namespace zoetrope {

// Calls body(first, last) on disjoint ranges that cover [0, count); ranges are multiples of `grain` but for
// the last. Small work (count < grain * 2) stays on the caller's thread.
template <class Body>
void parallel_ranges(int64_t count, int64_t grain, const Body& body) {
  const int64_t pieces = std::max<int64_t>(1, count / std::max<int64_t>(grain, 1));
  const int threads = static_cast<int>(std::min<int64_t>(pieces, omp_get_max_threads()));
  if (threads <= 1 || omp_in_parallel()) {
    if (count > 0) body(int64_t{0}, count);
    return;
  }
  const int64_t blocks = (count + grain - 1) / grain;
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int t = 0; t < threads; ++t) {
    const int64_t first = blocks * t / threads * grain;
    const int64_t last = std::min(count, blocks * (t + 1) / threads * grain);
    if (first < last) body(first, last);
  }
}

}  // namespace zoetrope
