// The price of a clip before anything is loaded: bytes and seconds, stage by stage.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "forecast/clip_request.h"
#include "forecast/component_price.h"

namespace zoetrope {

struct StagePrice {
  std::string name;
  double seconds = 0;
  double load_seconds = 0;  // of `seconds`: weights on their way to the device before the first step
  int64_t forwards = 0;     // runs of the stage's graphs
  int64_t peak_bytes = 0, resident_bytes = 0, streamed_bytes = 0;
};

struct PassPrice {
  ExpertPass pass;
  double seconds = 0;
  double overhead_seconds = 0;  // of `seconds`: what is no forward
};

struct ClipPlan {
  Gpu gpu;
  ClipRequest request;
  int64_t budget_bytes = 0, peak_bytes = 0, tokens = 0;
  double seconds = 0, low = 0, high = 0;  // the range within which the seconds are expected
  std::vector<StagePrice> stages;
  std::vector<PassPrice> denoise;
  GraphPrice forward;  // of the diffusion transformer, one run
};

// Throws FitError where a stage does not fit the budget however its weights are held.
ClipPlan plan_clip(const CheckedClip& clip, const Gpu& gpu);

// The clip nearest to one that does not fit: fewer frames or a smaller size, whichever keeps more tokens.
std::optional<ClipPlan> nearest_that_fits(const ClipRequest& request, const Gpu& gpu);

// The range of seconds around a forecast: `scale` of them are forwards on the GPU's rates.
struct Range {
  double low = 0, high = 0;
};
Range range_of(double seconds, const ClipPlan& plan);

}  // namespace zoetrope
