#include "pipeline/denoising.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "pipeline/autoencoding.h"
#include "pipeline/text_encoding.h"
#include "sampling/unipc.h"

namespace zoetrope {
namespace {

std::vector<Graph> graphs_for(const VideoModel& model, Expert expert,
                              const std::vector<LatentShape>& shapes) {
  std::vector<Graph> graphs;
  for (const LatentShape& latents : shapes)
    graphs.push_back(
        model.expert(expert).denoiser().forward({.frames = latents.frames,
                                                 .height = latents.height,
                                                 .width = latents.width,
                                                 .text_length = kTextTokens,
                                                 .timestep_per_token = model.timestep_per_token()}));
  return graphs;
}

SessionOptions with_passes(SessionOptions options, std::vector<Pass> passes) {
  options.passes = std::move(passes);
  return options;
}

TensorView view_of(const HostTensor& tensor) {
  return {const_cast<void*>(tensor.data()), tensor.dtype(), tensor.shape()};
}

// Calls f(value, channel) on latents (1, z, ...).
template <class F>
void each_channel(HostTensor& latents, const F& f) {
  const int64_t channels = latents.shape()[1], inner = latents.elements() / channels;
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t i = 0; i < inner; ++i) {
      float& value = latents.f32()[static_cast<size_t>(c * inner + i)];
      value = f(value, static_cast<size_t>(c));
    }
}

// Writes a picture's latent frame (1, z, 1, h, w) over the first of a clip's (1, z, f, h, w).
void put_first_frame(const HostTensor& picture, HostTensor& latents) {
  const Shape& s = latents.shape();
  const int64_t area = s[3] * s[4];
  for (int64_t c = 0; c < s[1]; ++c)
    std::copy_n(picture.f32().data() + c * area, area, latents.f32().data() + c * s[2] * area);
}

}  // namespace

int DenoisePlan::steps_of(Expert expert) const {
  return static_cast<int>(
      std::count_if(experts.begin(), experts.end(), [&](const ExpertStep& s) { return s.expert == expert; }));
}

int DenoisePlan::forwards_of(Expert expert) const {
  int forwards = 0;
  for (const ExpertStep& step : experts)
    if (step.expert == expert) forwards += step.needs_uncond ? 2 : 1;
  return forwards;
}

DenoisePlan plan_denoising(const VideoModel& model, const DenoiseSettings& settings) {
  SchedulerConfig config = model.scheduler();
  if (settings.shift) config.shift = *settings.shift;
  if (settings.sampler) config.sampler = *settings.sampler;
  DenoisePlan plan;
  plan.schedule = make_schedule(config, settings.steps);
  plan.combinations = sampler_steps(plan.schedule, config);
  ExpertRule rule{.two_experts = model.two_experts(),
                  .guidance = settings.guidance,
                  .guidance_low = settings.guidance_low};
  rule.boundary_ratio = settings.boundary ? settings.boundary : model.boundary_ratio();
  rule.boundary_step = settings.boundary_step;
  plan.experts = expert_steps(plan.schedule, rule);
  return plan;
}

DenoiseState start_denoising(const DenoisePlan& plan, HostTensor noise) {
  DenoiseState state;
  const size_t slots = plan.combinations.empty() ? 0 : static_cast<size_t>(plan.combinations.front().slots());
  state.history.assign(slots, std::vector<float>(static_cast<size_t>(noise.elements()), 0.0f));
  state.latents = std::move(noise);
  return state;
}

ExpertRun::ExpertRun(const VideoModel& model, Expert expert, Device& device, SessionOptions options,
                     std::vector<LatentShape> shapes)
    : model_(model),
      expert_(expert),
      shapes_(std::move(shapes)),
      session_(device, model.weights(expert), graphs_for(model, expert, shapes_),
               with_passes(std::move(options), model.passes(expert))) {}

// What stands at "hidden_states": (1, in_channels, f, h, w).
HostTensor ExpertRun::model_input(const Conditions& conditions, const HostTensor& latents) const {
  if (model_.conditioning() == Conditioning::first_frame && conditions.picture.shape().rank() == 5) {
    HostTensor input = latents;
    put_first_frame(conditions.picture, input);
    return input;
  }
  if (model_.conditioning() != Conditioning::channels) return latents;
  // Noise, then a mask of four channels that is 1 on the first latent frame, then the picture's latents.
  const Shape& s = latents.shape();
  const int64_t z = s[1], frame = s[3] * s[4], clip = s[2] * frame;
  HostTensor input(DType::f32, {1, 2 * z + 4, s[2], s[3], s[4]});
  float* out = std::copy_n(latents.f32().data(), z * clip, input.f32().data());
  for (int k = 0; k < 4; ++k, out += clip) std::fill_n(out, frame, 1.0f);
  std::copy_n(conditions.picture.f32().data(), z * clip, out);
  return input;
}

HostTensor ExpertRun::timesteps(const Conditions& conditions, const Shape& latents, double t) const {
  const auto value = static_cast<float>(t);
  if (!model_.timestep_per_token()) {
    HostTensor one(DType::f32, {1});
    one.f32()[0] = value;
    return one;
  }
  const DenoiserTraits traits = model_.expert(expert_).denoiser().traits();
  const int64_t per_frame = (latents[3] / traits.patch_h) * (latents[4] / traits.patch_w);
  HostTensor tokens(DType::f32, {1, latents[2] * per_frame});
  std::fill(tokens.f32().begin(), tokens.f32().end(), value);
  if (conditions.picture.shape().rank() == 5) std::fill_n(tokens.f32().begin(), per_frame, 0.0f);
  return tokens;
}

void ExpertRun::run(const DenoisePlan& plan, const Conditions& conditions, DenoiseState& state,
                    const std::function<void()>& progress) {
  const Shape shape = state.latents.shape();
  const auto graph =
      std::find_if(shapes_.begin(), shapes_.end(), [&](const LatentShape& s) { return s.shape() == shape; });
  if (graph == shapes_.end()) throw InternalError("no graph for latents of " + shape.text());
  const auto graph_index = static_cast<size_t>(graph - shapes_.begin());
  HostTensor output(DType::f32, shape), unguided(DType::f32, shape);
  for (; state.step < plan.steps() && plan.experts[static_cast<size_t>(state.step)].expert == expert_;
       ++state.step) {
    const auto index = static_cast<size_t>(state.step);
    const ExpertStep& step = plan.experts[index];
    const HostTensor input = model_input(conditions, state.latents);
    const HostTensor time = timesteps(conditions, shape, plan.schedule.timesteps[index]);
    auto forward = [&](const HostTensor& text, HostTensor& out) {
      session_.run(graph_index,
                   {{"hidden_states", view_of(input)},
                    {"timestep", view_of(time)},
                    {"encoder_hidden_states", view_of(text)}},
                   {{"sample", out.view()}});
    };
    forward(conditions.text, output);
    if (step.needs_uncond) {
      forward(conditions.negative, unguided);
      const auto scale = static_cast<float>(step.guidance);
      for (size_t i = 0; i < output.f32().size(); ++i)
        output.f32()[i] = unguided.f32()[i] + scale * (output.f32()[i] - unguided.f32()[i]);
    }
    apply(plan.combinations[index], output.f32(), state.latents.f32(), state.history);
    if (progress) progress();
  }
}

HostTensor finish_denoising(const VideoModel& model, const Conditions& conditions, DenoiseState state,
                            const std::string& what) {
  if (model.conditioning() == Conditioning::first_frame && conditions.picture.shape().rank() == 5)
    put_first_frame(conditions.picture, state.latents);
  check_finite(state.latents, what);
  return std::move(state.latents);
}

void normalise_latents(const AutoencoderTraits& traits, HostTensor& latents) {
  if (traits.latents_mean.empty()) return;
  each_channel(latents,
               [&](float v, size_t c) { return (v - traits.latents_mean[c]) / traits.latents_std[c]; });
}

void denormalise_latents(const AutoencoderTraits& traits, HostTensor& latents) {
  if (traits.latents_mean.empty()) return;
  each_channel(latents,
               [&](float v, size_t c) { return v * traits.latents_std[c] + traits.latents_mean[c]; });
}

void check_finite(const HostTensor& values, const std::string& what) {
  for (float value : values.f32())
    if (!std::isfinite(value))
      throw InputError("holds NaN or infinity", what,
                       "check the weights; a 16-bit format may overflow, --dtype f32 does not");
}

}  // namespace zoetrope
