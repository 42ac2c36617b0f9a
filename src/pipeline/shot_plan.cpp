#include "pipeline/shot_plan.h"

#include <algorithm>
#include <cmath>

#include "base/checked.h"

namespace zoetrope {

ShotPlan plan_shot(double seconds, int fps, const ShotLimits& limits) {
  const int64_t factor = limits.temporal_factor;
  // A hair less than the product, so that 3 s at 16 frames a second are 48 frames and not 49.
  const int64_t wanted = std::max<int64_t>(1, static_cast<int64_t>(std::ceil(seconds * fps - 1e-6)));
  auto rounded = [&](int64_t frames) {
    return ceil_div(std::max<int64_t>(frames - 1, 0), factor) * factor + 1;
  };
  const int64_t most =
      std::max(rounded(limits.most_frames) > limits.most_frames ? rounded(limits.most_frames) - factor
                                                                : limits.most_frames,
               factor + 1);
  ShotPlan plan;
  plan.segments = limits.can_continue ? std::max<int64_t>(1, ceil_div(wanted - 1, most - 1)) : 1;
  plan.segment_frames =
      std::max(rounded(ceil_div(wanted - 1, plan.segments) + 1), rounded(limits.least_frames));
  return plan;
}

}  // namespace zoetrope
