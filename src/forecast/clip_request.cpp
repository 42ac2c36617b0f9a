#include "forecast/clip_request.h"

#include <fmt/format.h>

#include <cmath>

#include "base/checked.h"
#include "base/error.h"
#include "sampling/expert_switch.h"

namespace zoetrope {
namespace {

constexpr int64_t kTextTokens = 512;        // prompts are cut to it, embeddings are padded to it
constexpr int64_t kMostTokens = 1'000'000;  // of one clip: 81 frames of 4K are two thirds of it
constexpr int64_t kMostSide = 16384, kMostFrames = 100'000;

void check_numbers(const ClipRequest& r) {
  if (r.width < 1 || r.height < 1 || r.width > kMostSide || r.height > kMostSide)
    throw UsageError(fmt::format("a size of {}x{}", r.width, r.height), "--size", "each side is 1 to 16384");
  if (r.frames < 1 || r.frames > kMostFrames)
    throw UsageError(fmt::format("{} frames", r.frames), "--frames", "take 1 to 100000");
  if (r.steps < 1 || r.steps > 1000)
    throw UsageError(fmt::format("{} steps", r.steps), "--steps", "take 1 to 1000");
  if (r.batch < 1 || r.batch > 1024)
    throw UsageError(fmt::format("a batch of {}", r.batch), "batch", "take 1 to 1024");
  for (const double scale : {r.guidance, r.guidance_low.value_or(r.guidance)})
    if (!std::isfinite(scale) || std::abs(scale) > 1e6)
      throw UsageError("is no guidance scale", "--guidance");
  if (r.budget_bytes < 0) throw UsageError("a negative budget", "--budget");
}

void check_extents(CheckedClip& clip) {
  const ClipRequest& r = clip.request;
  const AutoencoderTraits vae = clip.autoencoder().traits();
  const DenoiserTraits dit = clip.denoiser().traits();
  const int64_t wide = vae.spatial_factor * dit.patch_w, high = vae.spatial_factor * dit.patch_h;
  if (r.width % wide || r.height % high)
    throw UsageError(fmt::format("{}x{} does not divide by {}x{}", r.width, r.height, wide, high), "--size",
                     fmt::format("the nearest: {}x{}", round_up(r.width, wide), round_up(r.height, high)));
  if ((r.frames - 1) % vae.temporal_factor)
    throw UsageError(
        fmt::format("{} frames are not {}n+1", r.frames, vae.temporal_factor), "--frames",
        fmt::format("the nearest: {}", (r.frames - 1) / vae.temporal_factor * vae.temporal_factor + 1));
  clip.latent_frames = (r.frames - 1) / vae.temporal_factor + 1;
  clip.latent_height = r.height / vae.spatial_factor;
  clip.latent_width = r.width / vae.spatial_factor;
  clip.tokens = clip.latent_frames * (clip.latent_height / dit.patch_h) * (clip.latent_width / dit.patch_w) /
                dit.patch_t;
  if (clip.tokens > kMostTokens)
    throw UsageError(
        fmt::format("{} frames of {}x{} are {} tokens", r.frames, r.width, r.height, clip.tokens),
        "--size, --frames", "plans go to 1,000,000 tokens");
}

void find_passes(CheckedClip& clip) {
  const ClipRequest& r = clip.request;
  const VideoPreset& video = *clip.video->video;
  if (r.boundary_step && !video.two_experts)
    throw UsageError("the model has one expert", "--boundary-step", "leave it out");
  const ExpertRule rule{.two_experts = video.two_experts,
                        .boundary_ratio = video.boundary_ratio,
                        .boundary_step = r.boundary_step,
                        .guidance = r.guidance,
                        .guidance_low = r.guidance_low};
  ExpertPass high{.expert = video.two_experts ? "high" : "only"}, low{.expert = "low"};
  for (const ExpertStep& step : expert_steps(make_schedule({}, r.steps), rule)) {
    ExpertPass& pass = step.expert == Expert::low ? low : high;
    ++pass.steps;
    pass.forwards += step.needs_uncond ? 2 : 1;
  }
  for (const ExpertPass& pass : {high, low})
    if (pass.steps > 0) clip.passes.push_back(pass);
}

}  // namespace

Graph CheckedClip::forward() const {
  return denoiser().forward({.batch = request.batch,
                             .frames = latent_frames,
                             .height = latent_height,
                             .width = latent_width,
                             .text_length = kTextTokens,
                             .timestep_per_token = video->video->timestep_per_token});
}

CheckedClip check_clip(const ClipRequest& request) {
  check_numbers(request);
  CheckedClip clip{.request = request, .video = &preset(request.model)};
  if (!clip.video->video)
    throw UsageError("'" + request.model + "' makes no clips", "--model", "take a video model");
  clip.denoiser_model = clip.video->model();
  clip.autoencoder_model = preset(clip.video->video->autoencoder).model();
  clip.text_model = preset(clip.video->video->text_encoder).model();
  check_extents(clip);
  find_passes(clip);
  return clip;
}

}  // namespace zoetrope
