// A clip's plan for people and for programs.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "forecast/clip_plan.h"

namespace zoetrope {

// One line a stage, then the sum, its range and where the numbers come from.
std::string table_of(const ClipPlan& plan);

// What does not fit, the bytes it would hold with every weight on the device, and the nearest that fits.
struct Refusal {
  std::string reason;
  int64_t budget_bytes = 0, peak_bytes = 0;
  std::optional<ClipPlan> nearest;
};
std::string table_of(const Refusal& refusal);

Json json_of(const ClipPlan& plan);
Json json_of(const Refusal& refusal);

// Where the time goes, how it grows with frames, what each remedy would save, and every parameter with its
// source.
std::string explain_clip(const ClipPlan& plan);

// A page with the schedule and the memory of each stage as drawings; no scripts, nothing from elsewhere.
std::string html_of(const ClipPlan& plan);

// "measured", "calibrated" or "published": what the seconds rest on.
std::string_view source_of(const Gpu& gpu);

// "81 frames of 832x1216": what is asked for.
std::string text_of(const ClipRequest& request);

}  // namespace zoetrope
