// Models of public sizes by name: their configs without their weights, for plans, and for runs with random
// weights. A preset is a file models/<model>/presets/<name>.json, built into the program:
//   source: whose config it is
//   config: the component's config.json
//   video:  for a diffusion transformer, what its pipeline's folder says beside it
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nn/model.h"

namespace zoetrope {

struct VideoPreset {
  std::string text_encoder, autoencoder;  // names of their presets
  bool two_experts = false;               // of one config, each with weights of its own
  std::optional<double> boundary_ratio;
  bool timestep_per_token = false;
  int steps = 1;
  double guidance = 1;
  std::optional<double> guidance_low;  // of the low-noise expert
};

struct Preset {
  std::string name;
  std::string source;
  Json config;
  std::optional<VideoPreset> video;

  std::unique_ptr<Model> model() const { return model_from_config(config); }
};

// All of them, by name.
const std::vector<Preset>& presets();

// Throws UsageError that offers the nearest names.
const Preset& preset(std::string_view name);

// Elements of all parameters of a model, each once.
int64_t parameter_count(const Model& model);

// Generated from the files: name and text of each.
struct PresetText {
  std::string_view name, text;
};
const std::vector<PresetText>& preset_texts();

}  // namespace zoetrope
