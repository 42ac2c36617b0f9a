// Running an autoencoder over a clip, a latent frame at a time, in memory that does not grow with the clip.
#pragma once

#include <functional>
#include <memory>

#include "pipeline/component.h"

namespace zoetrope {

class ClipDecoder {
 public:
  // Latents of (batch, z, frames, height, width).
  ClipDecoder(const AutoencoderModel& model, const ParameterSource& weights, Device& device,
              const SessionOptions& options, const Shape& latents);
  ClipDecoder(const Component& component, Device& device, const SessionOptions& options, const Shape& latents)
      : ClipDecoder(component.autoencoder(), component.binding(), device, options, latents) {}
  // The next latent frame (B, z, 1, h, w) -> pixels (B, 3, T, H, W), clamped to [-1, 1]; T is 1 for a clip's
  // first frame.
  HostTensor next(const HostTensor& latent);
  void restart();  // before another clip
  Session& session() { return session_; }

 private:
  Session session_;
  bool first_ = true;
};

class ClipEncoder {
 public:
  // Pixels of (batch, 3, frames, height, width).
  ClipEncoder(const AutoencoderModel& model, const ParameterSource& weights, Device& device,
              const SessionOptions& options, const Shape& pixels);
  ClipEncoder(const Component& component, Device& device, const SessionOptions& options, const Shape& pixels)
      : ClipEncoder(component.autoencoder(), component.binding(), device, options, pixels) {}
  // A clip's first frame (B, 3, 1, H, W), then four at a time -> moments (B, 2 z, T, h, w), raw: mean, then
  // log variance.
  HostTensor next(const HostTensor& pixels);
  void restart();
  Session& session() { return session_; }

 private:
  Session session_;
  bool first_ = true;
};

// Frames [start, start + count) of a clip (B, C, F, H, W).
HostTensor frames_of(const HostTensor& clip, int64_t start, int64_t count);
// Clips joined along their frames.
HostTensor join_frames(const std::vector<HostTensor>& parts);

// A whole clip at once, for the commands that check us: latents (B, z, f, h, w) -> pixels (B, 3, F, H, W) in
// [-1, 1].
HostTensor decode_clip(ClipDecoder& decoder, const HostTensor& latents);
// Pixels (B, 3, 4n+1, H, W) -> moments (B, 2 z, f, h, w).
HostTensor encode_clip(ClipEncoder& encoder, const HostTensor& pixels);

}  // namespace zoetrope
