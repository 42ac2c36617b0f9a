// One clip: text, and maybe a picture, to frames. The steps of it are also what the story pipeline runs,
// stage by stage.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "media/picture.h"
#include "pipeline/autoencoding.h"
#include "pipeline/denoising.h"
#include "pipeline/stages.h"

namespace zoetrope {

struct ClipSettings {
  std::string prompt, negative;
  int64_t width = 0, height = 0, frames = 0;
  uint64_t seed = 0;
  DenoiseSettings denoise;
  std::optional<HostTensor> noise;  // (1, z, f, h, w); else drawn from the seed
  std::optional<Picture> picture;   // of exactly width × height
  SessionOptions session;
};

using FrameSink = std::function<void(const Picture&)>;
using Progress = std::function<void(const std::string& stage, int done, int total)>;

// Prices every stage, then runs them; frames go to `sink` one by one (none where it is empty). Returns the
// final latents as diffusers' output_type="latent" gives them. Throws FitError before any work where a stage
// does not fit its budget.
HostTensor make_clip(const VideoModel& model, Device& device, const ClipSettings& settings,
                     const FrameSink& sink, Stages& stages, const Progress& progress);

// Whether a clip needs, may have, or can't have a picture. Throws UsageError where `has_picture` does not go
// with the model.
void check_picture_use(const VideoModel& model, bool has_picture);

// Pixels (1, 3, 1, H, W) in [-1, 1] of a picture, and back from a decoded frame (plane f of (1, 3, F, H, W)).
HostTensor pixels_of(const Picture& picture);
Picture picture_of(const HostTensor& pixels, int64_t frame);

// The pixels whose latents a picture becomes: itself as one frame, or (image to video) followed by grey up to
// `frames`. (1, 3, F', H, W)
HostTensor picture_clip(const VideoModel& model, const HostTensor& picture, int64_t frames);
// Encodes them: normalised latents (1, z, f', h, w).
HostTensor encode_picture(const VideoModel& model, ClipEncoder& encoder, const HostTensor& clip);

// Decodes latents (1, z, f, h, w), normalised, frame after frame into `sink`. Throws InputError naming `what`
// where a pixel is not finite.
void decode_latents(const VideoModel& model, ClipDecoder& decoder, HostTensor latents,
                    const std::string& what, const FrameSink& sink);

// Noise (1, z, f, h, w) that depends on seed and stream alone.
HostTensor draw_noise(const LatentShape& shape, uint64_t seed, uint64_t stream);

}  // namespace zoetrope
