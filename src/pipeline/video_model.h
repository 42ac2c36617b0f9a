// A video model in diffusers' pipeline layout: text encoder, one or two experts, autoencoder, tokenizer,
// schedule.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/lora_argument.h"
#include "formats/model_folder.h"
#include "nn/lora.h"
#include "pipeline/component.h"
#include "sampling/expert_switch.h"
#include "sampling/schedule.h"
#include "text/tokenizer.h"

namespace zoetrope {

// How a picture enters; it follows from the configs.
enum class Conditioning : uint8_t {
  text,         // no picture: in_channels = z
  channels,     // image to video: mask (4) and picture latents beside the noise, in_channels = 2 z + 4
  first_frame,  // TI2V: the first latent frame is the picture's and has timestep 0 (expand_timesteps)
};

struct LatentShape {
  int64_t channels = 0, frames = 0, height = 0, width = 0;
  Shape shape() const { return {1, channels, frames, height, width}; }
};

class VideoModel {
 public:
  // Reads configs and headers of every component and holds them against each other; reads no weights. Throws
  // InputError.
  explicit VideoModel(const fs::path& folder, const std::vector<LoraArgument>& loras = {});
  VideoModel(const VideoModel&) = delete;

  const fs::path& folder() const { return files_.path(); }
  Conditioning conditioning() const { return conditioning_; }
  bool timestep_per_token() const { return files_.expand_timesteps(); }
  bool two_experts() const { return low_ != nullptr; }
  std::optional<double> boundary_ratio() const { return files_.boundary_ratio(); }
  const SchedulerConfig& scheduler() const { return scheduler_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const Component& text_encoder() const { return *text_encoder_; }
  const Component& autoencoder() const { return *autoencoder_; }
  const Component& expert(Expert which) const { return which == Expert::low && low_ ? *low_ : *high_; }
  // The expert's weights with its LoRAs, and the pass that puts their branches into its graphs.
  const ParameterSource& weights(Expert which) const;
  std::vector<Pass> passes(Expert which) const;

  // The latents of a clip. Throws UsageError naming --frames or --size and the nearest that are right.
  LatentShape latents(int64_t width, int64_t height, int64_t frames) const;
  // Role and folder of every component, for reports.
  std::vector<std::pair<std::string, const Component*>> components() const;
  const std::vector<LoraArgument>& loras() const { return loras_; }

 private:
  void check();
  void add_loras();

  ModelFolder files_;
  std::vector<LoraArgument> loras_;
  SchedulerConfig scheduler_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<Component> text_encoder_, high_, low_, autoencoder_;
  std::unique_ptr<LoraSource> high_weights_, low_weights_;
  Conditioning conditioning_ = Conditioning::text;
};

}  // namespace zoetrope
