#include "pipeline/generation_defaults.h"

#include <cmath>

#include "base/error.h"
#include "base/json.h"

namespace zoetrope {

GenerationDefaults read_generation_defaults(const fs::path& model_folder) {
  GenerationDefaults defaults;
  const fs::path file = model_folder / "generation_config.json";
  if (!fs::exists(file)) return defaults;
  const Json json = Json::parse_file(file.string(), 1 << 16);
  json.as_object();
  auto whole = [&](const char* key, int64_t fallback, int64_t most) {
    const int64_t value = json.integer_or(key, fallback);
    if (value < 1 || value > most)
      throw InputError("must be between 1 and " + std::to_string(most), json.at(key).where());
    return value;
  };
  auto number = [&](const char* key, double fallback) {
    const double value = json.number_or(key, fallback);
    if (!std::isfinite(value)) throw InputError("must be a number", json.at(key).where());
    return value;
  };
  defaults.width = whole("width", defaults.width, 16384);
  defaults.height = whole("height", defaults.height, 16384);
  defaults.frames = whole("frames", defaults.frames, 100000);
  defaults.steps = static_cast<int>(whole("steps", defaults.steps, 1000));
  defaults.guidance = number("guidance", defaults.guidance);
  defaults.guidance_low = json.has("guidance_low") ? number("guidance_low", 0) : defaults.guidance;
  return defaults;
}

}  // namespace zoetrope
