// A clip that is to be priced: a model of public size, and what is asked of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "forecast/cost_model.h"
#include "nn/preset.h"

namespace zoetrope {

struct ClipRequest {
  std::string model;  // a preset with a video part
  int64_t width = 832, height = 480, frames = 81;
  int steps = 1;
  std::optional<int> boundary_step;  // the first step of the low-noise expert
  double guidance = 1;
  std::optional<double> guidance_low;
  int64_t batch = 1;
  NumberFormats formats;
  int64_t budget_bytes = 0;  // on the device; 0: all that the GPU has
};

// The steps of one expert.
struct ExpertPass {
  std::string expert;  // "high", "low", or "only"
  int steps = 0;
  int forwards = 0;  // two a step with guidance
};

// A request held against its models.
struct CheckedClip {
  ClipRequest request;
  const Preset* video = nullptr;
  std::unique_ptr<Model> denoiser_model, autoencoder_model, text_model;
  int64_t latent_frames = 0, latent_height = 0, latent_width = 0, tokens = 0;
  std::vector<ExpertPass> passes;

  const DenoiserModel& denoiser() const { return dynamic_cast<const DenoiserModel&>(*denoiser_model); }
  const AutoencoderModel& autoencoder() const {
    return dynamic_cast<const AutoencoderModel&>(*autoencoder_model);
  }
  const TextEncoderModel& text_encoder() const { return dynamic_cast<const TextEncoderModel&>(*text_model); }
  Graph forward() const;
};

// Throws UsageError for a model that makes no clips, sizes that do not divide and numbers out of range.
CheckedClip check_clip(const ClipRequest& request);

}  // namespace zoetrope
