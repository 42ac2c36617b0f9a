// What a video model's folder recommends where the user says nothing: an optional file
// `generation_config.json` beside model_index.json, {"width", "height", "frames", "steps", "guidance",
// "guidance_low"}. Without it: 832x480, 81 frames, 40 steps, guidance 4 and 3, as Wan 2.2's own text-to-video
// configuration has them.
#pragma once

#include <optional>

#include "base/file.h"

namespace zoetrope {

struct GenerationDefaults {
  int64_t width = 832, height = 480, frames = 81;
  int steps = 40;
  double guidance = 4;
  std::optional<double> guidance_low = 3;
};

// Throws InputError naming file and field.
GenerationDefaults read_generation_defaults(const fs::path& model_folder);

}  // namespace zoetrope
