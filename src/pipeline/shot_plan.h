// How long every shot is and in which segments it is drawn. Plain arithmetic, known before anything is drawn.
#pragma once

#include <cstdint>
#include <vector>

namespace zoetrope {

// A stretch that the model makes in one go. Segments after the first start from the last frame of the one
// before, which is not shown twice.
struct ShotPlan {
  int64_t segments = 1;
  int64_t segment_frames = 1;  // of each: temporal_factor · n + 1
  int64_t frames() const { return segments * (segment_frames - 1) + 1; }
};

struct ShotLimits {
  int64_t temporal_factor = 4;
  int64_t most_frames = 81;  // of a segment
  int64_t least_frames = 5;  // of a segment
  bool can_continue = true;  // else a shot is one segment, however long
};

// The fewest segments, all alike, whose frames last at least `seconds` at `fps`.
ShotPlan plan_shot(double seconds, int fps, const ShotLimits& limits);

}  // namespace zoetrope
