// Lifetimes in, offsets out. A pure function: it knows neither graphs nor devices.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace zoetrope {

// A buffer that must exist from step `first` to step `last`, both included.
struct Lifetime {
  int64_t bytes = 0;
  int32_t first = 0;
  int32_t last = 0;
};

struct MemoryPlan {
  std::vector<int64_t>
      offsets;              // bytes from the start of the arena, one a lifetime, multiples of the alignment
  int64_t peak_bytes = 0;   // end of the highest buffer
  int64_t lower_bound = 0;  // most bytes alive at once: no plan can be smaller
  int32_t peak_step = 0;    // the step at which the lower bound is reached
  std::vector<size_t> live_at_peak;  // who is alive then, largest first

  double fragmentation() const {
    return lower_bound > 0 ? static_cast<double>(peak_bytes) / static_cast<double>(lower_bound) - 1.0 : 0.0;
  }
};

// Places every buffer so that no two that live at one step overlap. Deterministic. Buffers of zero bytes get
// offset 0. The lower bound counts bytes rounded up to the alignment, but for the topmost. Throws
// InternalError on last < first.
MemoryPlan plan_memory(std::span<const Lifetime> lifetimes, int64_t alignment = 64);

// Throws InternalError naming two buffers which overlap in bytes and in time, or one that is misaligned or
// outside.
void verify_plan(std::span<const Lifetime> lifetimes, const MemoryPlan& plan, int64_t alignment = 64);

// A few lines: peak, lower bound, fragmentation, and the largest buffers alive at the peak with their names.
std::string explain_plan(std::span<const Lifetime> lifetimes, const MemoryPlan& plan,
                         std::span<const std::string> names, size_t most = 12);

}  // namespace zoetrope
