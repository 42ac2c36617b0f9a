// From noise to latents: the steps of a sampler, each asked of the expert it belongs to, with guidance.
#pragma once

#include <functional>
#include <optional>

#include "pipeline/video_model.h"
#include "sampling/step_combination.h"

namespace zoetrope {

struct DenoiseSettings {
  int steps = 10;
  double guidance = 5;                 // of the high-noise (or only) expert
  std::optional<double> guidance_low;  // of the low-noise expert; as guidance where it is not given
  std::optional<double> shift, boundary;
  std::optional<int> boundary_step;
  std::optional<SamplerKind> sampler;
};

// All numbers of a run, before it starts.
struct DenoisePlan {
  Schedule schedule;
  std::vector<StepCombination> combinations;
  std::vector<ExpertStep> experts;

  int steps() const { return schedule.steps(); }
  // Steps that this expert makes, and forwards they cost.
  int steps_of(Expert expert) const;
  int forwards_of(Expert expert) const;
};
DenoisePlan plan_denoising(const VideoModel& model, const DenoiseSettings& settings);

// What the model is told besides the noise.
struct Conditions {
  HostTensor text;      // (1, T, W)
  HostTensor negative;  // (1, T, W); used at steps with guidance
  // Conditioning::channels: (1, z, f, h, w), normalised, always there. first_frame: (1, z, 1, h, w), or
  // empty.
  HostTensor picture;
};

// Where a run stands; what is kept between the experts.
struct DenoiseState {
  HostTensor latents;                       // (1, z, f, h, w)
  std::vector<std::vector<float>> history;  // the sampler's slots, of the latents' size
  int step = 0;                             // the next one
};
DenoiseState start_denoising(const DenoisePlan& plan, HostTensor noise);

// One expert, ready to run clips of the given latent shapes, over one set of weights.
class ExpertRun {
 public:
  ExpertRun(const VideoModel& model, Expert expert, Device& device, SessionOptions options,
            std::vector<LatentShape> shapes);
  // All steps from state.step on that belong to this expert. `progress` is called after each step.
  void run(const DenoisePlan& plan, const Conditions& conditions, DenoiseState& state,
           const std::function<void()>& progress);
  Session& session() { return session_; }

 private:
  HostTensor model_input(const Conditions& conditions, const HostTensor& latents) const;
  HostTensor timesteps(const Conditions& conditions, const Shape& latents, double t) const;

  const VideoModel& model_;
  Expert expert_;
  std::vector<LatentShape> shapes_;
  Session session_;
};

// Ends a run: with a picture as first frame, that frame is the picture's. Throws InputError naming `what`
// where a value is not finite.
HostTensor finish_denoising(const VideoModel& model, const Conditions& conditions, DenoiseState state,
                            const std::string& what);

// Latents as the autoencoder has them and as the transformer sees them: (x - mean) / std over channels, and
// back.
void normalise_latents(const AutoencoderTraits& traits, HostTensor& latents);
void denormalise_latents(const AutoencoderTraits& traits, HostTensor& latents);

// Throws InputError naming `what` where a value is NaN or infinite.
void check_finite(const HostTensor& values, const std::string& what);

}  // namespace zoetrope
