#include "nn/preset.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/nearest.h"

namespace zoetrope {
namespace {

VideoPreset read_video(const Json& json) {
  VideoPreset video{.text_encoder = json.at("text_encoder").as_string(),
                    .autoencoder = json.at("autoencoder").as_string(),
                    .two_experts = json.at("two_experts").as_bool(),
                    .timestep_per_token = json.at("expand_timesteps").as_bool(),
                    .steps = static_cast<int>(json.at("steps").as_integer()),
                    .guidance = json.at("guidance").as_number()};
  if (const Json* ratio = json.find("boundary_ratio")) video.boundary_ratio = ratio->as_number();
  if (const Json* low = json.find("guidance_low")) video.guidance_low = low->as_number();
  return video;
}

std::vector<Preset> read_all() {
  std::vector<Preset> all;
  for (const PresetText& file : preset_texts()) {
    const Json json = Json::parse(file.text, std::string(file.name));
    Preset preset{
        .name = std::string(file.name), .source = json.at("source").as_string(), .config = json.at("config")};
    if (const Json* video = json.find("video")) preset.video = read_video(*video);
    all.push_back(std::move(preset));
  }
  std::sort(all.begin(), all.end(), [](const Preset& a, const Preset& b) { return a.name < b.name; });
  return all;
}

}  // namespace

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all = read_all();
  return all;
}

const Preset& preset(std::string_view name) {
  std::vector<std::string> names;
  for (const Preset& preset : presets()) {
    if (preset.name == name) return preset;
    names.push_back(preset.name);
  }
  throw UsageError("no model is called '" + std::string(name) + "'", {},
                   "the nearest names: " + nearest_names(name, names));
}

int64_t parameter_count(const Model& model) {
  std::set<std::string> seen;
  int64_t count = 0;
  for (const Graph& graph : model.smallest_graphs())
    for (const ValueId id : graph.all(ValueKind::parameter))
      if (seen.insert(graph.value(id).name).second) count += graph.value(id).type.shape.elements();
  return count;
}

}  // namespace zoetrope
