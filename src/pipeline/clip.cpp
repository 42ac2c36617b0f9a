#include "pipeline/clip.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "pipeline/text_encoding.h"
#include "sampling/noise.h"

namespace zoetrope {
namespace {

// Sessions that are planned and thrown away: a stage that can't fit is told before anything is loaded.
void price(const VideoModel& model, Device& device, const ClipSettings& s, const LatentShape& latents,
           const DenoisePlan& plan, const std::vector<const HostTensor*>& prompts) {
  for (const HostTensor* ids : prompts) TextEncoding(model, device, s.session, ids->shape()[1]);
  for (Expert expert : {Expert::high, Expert::low})
    if (plan.steps_of(expert) > 0) ExpertRun(model, expert, device, s.session, {latents});
  // NOLINTNEXTLINE(bugprone-unused-raii): made to be planned, which throws where it does not fit
  ClipDecoder(model.autoencoder(), device, s.session, latents.shape());
  if (!s.picture) return;
  const int64_t frames = model.conditioning() == Conditioning::channels ? s.frames : 1;
  ClipEncoder(model.autoencoder(), device, s.session, {1, 3, frames, s.height, s.width});
}

HostTensor encode_text(const VideoModel& model, Device& device, const ClipSettings& s, const HostTensor& ids,
                       Stages& stages) {
  const Stopwatch watch;
  TextEncoding encoding(model, device, s.session, ids.shape()[1]);
  HostTensor text = encoding.run(ids);
  stages.add("text", watch.seconds(), &encoding.session());
  return text;
}

}  // namespace

void check_picture_use(const VideoModel& model, bool has_picture) {
  if (model.conditioning() == Conditioning::channels && !has_picture)
    throw UsageError("this model turns a picture into a video", "--image", "give it a picture");
  if (model.conditioning() == Conditioning::text && has_picture)
    throw UsageError("this model takes no picture", "--image",
                     "take an image-to-video model, or leave --image away");
}

HostTensor pixels_of(const Picture& picture) {
  HostTensor pixels(DType::f32, {1, 3, 1, picture.height, picture.width});
  const auto area = static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height);
  for (size_t i = 0; i < area; ++i)
    for (size_t c = 0; c < 3; ++c)
      pixels.f32()[c * area + i] = static_cast<float>(picture.rgb[3 * i + c]) / 255.0f * 2.0f - 1.0f;
  return pixels;
}

Picture picture_of(const HostTensor& pixels, int64_t frame) {
  const Shape& s = pixels.shape();
  Picture picture(static_cast<int>(s[4]), static_cast<int>(s[3]));
  const int64_t area = s[3] * s[4];
  for (int64_t c = 0; c < 3; ++c) {
    const float* plane = pixels.f32().data() + (c * s[2] + frame) * area;
    for (int64_t i = 0; i < area; ++i) {
      const float value = std::clamp(plane[i] * 0.5f + 0.5f, 0.0f, 1.0f);
      picture.rgb[static_cast<size_t>(3 * i + c)] = static_cast<uint8_t>(std::lrint(value * 255.0f));
    }
  }
  return picture;
}

HostTensor picture_clip(const VideoModel& model, const HostTensor& picture, int64_t frames) {
  if (model.conditioning() != Conditioning::channels || frames == 1) return picture;
  const Shape& s = picture.shape();
  HostTensor grey(DType::f32, {1, s[1], frames - 1, s[3], s[4]});  // zero: the middle of [-1, 1]
  return join_frames({picture, std::move(grey)});
}

HostTensor encode_picture(const VideoModel& model, ClipEncoder& encoder, const HostTensor& clip) {
  const HostTensor moments = encode_clip(encoder, clip);  // (1, 2 z, f, h, w)
  const Shape& m = moments.shape();
  HostTensor latents(DType::f32, {1, m[1] / 2, m[2], m[3], m[4]});
  std::copy_n(moments.f32().data(), latents.elements(), latents.f32().data());
  normalise_latents(model.autoencoder().autoencoder().traits(), latents);
  return latents;
}

void decode_latents(const VideoModel& model, ClipDecoder& decoder, HostTensor latents,
                    const std::string& what, const FrameSink& sink) {
  denormalise_latents(model.autoencoder().autoencoder().traits(), latents);
  decoder.restart();
  for (int64_t f = 0; f < latents.shape()[2]; ++f) {
    const HostTensor pixels = decoder.next(frames_of(latents, f, 1));  // (1, 3, 1 or 4, H, W)
    check_finite(pixels, what);
    for (int64_t k = 0; k < pixels.shape()[2]; ++k) sink(picture_of(pixels, k));
  }
}

HostTensor draw_noise(const LatentShape& shape, uint64_t seed, uint64_t stream) {
  HostTensor noise(DType::f32, shape.shape());
  fill_normal(seed, stream, 0, noise.f32());
  return noise;
}

HostTensor make_clip(const VideoModel& model, Device& device, const ClipSettings& s, const FrameSink& sink,
                     Stages& stages, const Progress& progress) {
  check_picture_use(model, s.picture.has_value());
  const LatentShape latents = model.latents(s.width, s.height, s.frames);
  const DenoisePlan plan = plan_denoising(model, s.denoise);
  const bool guided = std::any_of(plan.experts.begin(), plan.experts.end(),
                                  [](const ExpertStep& e) { return e.needs_uncond; });
  if (s.noise && !(s.noise->shape() == latents.shape()))
    throw InputError(fmt::format("the tensor 'latents' has the shape {}; this clip's is {}",
                                 s.noise->shape().text(), latents.shape().text()),
                     "--latents");
  const HostTensor ids = prompt_ids(model, s.prompt), negative_ids = prompt_ids(model, s.negative);
  std::vector<const HostTensor*> prompts = {&ids};
  if (guided) prompts.push_back(&negative_ids);
  price(model, device, s, latents, plan, prompts);

  Conditions conditions;
  conditions.text = encode_text(model, device, s, ids, stages);
  if (guided) conditions.negative = encode_text(model, device, s, negative_ids, stages);
  if (s.picture) {
    const Stopwatch watch;
    const HostTensor clip = picture_clip(model, pixels_of(*s.picture), s.frames);
    ClipEncoder encoder(model.autoencoder(), device, s.session, clip.shape());
    conditions.picture = encode_picture(model, encoder, clip);
    stages.add("encode", watch.seconds(), &encoder.session());
  }
  DenoiseState state = start_denoising(plan, s.noise ? *s.noise : draw_noise(latents, s.seed, 0));
  while (state.step < plan.steps()) {
    const Stopwatch watch;
    const Expert expert = plan.experts[static_cast<size_t>(state.step)].expert;
    ExpertRun run(model, expert, device, s.session, {latents});
    run.run(plan, conditions, state, [&] { progress("denoise", state.step + 1, plan.steps()); });
    stages.add(expert == Expert::high ? "denoise high" : "denoise low", watch.seconds(), &run.session());
  }
  HostTensor result = finish_denoising(model, conditions, std::move(state), "the clip's latents");
  if (!sink) return result;
  const Stopwatch watch;
  ClipDecoder decoder(model.autoencoder(), device, s.session, result.shape());
  int done = 0;
  decode_latents(model, decoder, result, "a frame of the clip", [&](const Picture& frame) {
    sink(frame);
    progress("decode", ++done, static_cast<int>(s.frames));
  });
  stages.add("decode", watch.seconds(), &decoder.session());
  return result;
}

}  // namespace zoetrope
