// The whole product: an idea, or a storyboard, to a folder with a finished video.
#pragma once

#include "device/device.h"
#include "pipeline/clip.h"
#include "pipeline/request.h"

namespace zoetrope {

struct MakeResult {
  fs::path video;
  std::vector<std::string> findings;  // "shot 2: ...", empty where nothing was found
};

// Goes on where an earlier run with the same request was broken off. Throws InputError where the folder holds
// another story and `force` is not set, FitError before any work where a stage does not fit the budget.
MakeResult story_to_video(const MakeRequest& request, Device& device, const Progress& progress);

}  // namespace zoetrope
