#include "pipeline/autoencoding.h"

#include <algorithm>
#include <cstring>

namespace zoetrope {
namespace {

// The graph of a clip's first chunk, and that of the others where there are any.
std::vector<Graph> decode_graphs(const AutoencoderModel& model, const Shape& clip) {
  std::vector<Graph> graphs;
  for (bool first : {true, false})
    if (first || clip[2] > 1)
      graphs.push_back(
          model.decode_chunk({.batch = clip[0], .height = clip[3], .width = clip[4], .first = first}));
  return graphs;
}

// The graph of a clip's first chunk, and that of the others where there are any.
std::vector<Graph> encode_graphs(const AutoencoderModel& model, const Shape& clip) {
  std::vector<Graph> graphs;
  for (bool first : {true, false})
    if (first || clip[2] > 1)
      graphs.push_back(
          model.encode_chunk({.batch = clip[0], .height = clip[3], .width = clip[4], .first = first}));
  return graphs;
}

// Runs the chunk graph (0 for the first chunk, 1 for others) and gives its output.
HostTensor run_chunk(Session& session, bool first, const HostTensor& input, const char* output) {
  const TensorView view{const_cast<void*>(input.data()), input.dtype(), input.shape()};
  return std::move(session.run(first ? 0 : 1, {{"sample", view}}).at(output));
}

}  // namespace

ClipDecoder::ClipDecoder(const AutoencoderModel& model, const ParameterSource& weights, Device& device,
                         const SessionOptions& options, const Shape& latents)
    : session_(device, weights, decode_graphs(model, latents), options) {}

HostTensor ClipDecoder::next(const HostTensor& latent) {
  HostTensor pixels = run_chunk(session_, first_, latent, "sample");
  first_ = false;
  // NaN stays NaN, for the finite check that follows.
  for (float& value : pixels.f32())
    if (value < -1.0f || value > 1.0f) value = std::clamp(value, -1.0f, 1.0f);
  return pixels;
}

void ClipDecoder::restart() {
  first_ = true;
  session_.reset_state();
}

ClipEncoder::ClipEncoder(const AutoencoderModel& model, const ParameterSource& weights, Device& device,
                         const SessionOptions& options, const Shape& pixels)
    : session_(device, weights, encode_graphs(model, pixels), options) {}

HostTensor ClipEncoder::next(const HostTensor& pixels) {
  HostTensor moments = run_chunk(session_, first_, pixels, "moments");
  first_ = false;
  return moments;
}

void ClipEncoder::restart() {
  first_ = true;
  session_.reset_state();
}

HostTensor frames_of(const HostTensor& clip, int64_t start, int64_t count) {
  const Shape& s = clip.shape();
  HostTensor out(DType::f32, {s[0], s[1], count, s[3], s[4]});
  const int64_t area = s[3] * s[4];
  for (int64_t plane = 0; plane < s[0] * s[1]; ++plane)
    std::memcpy(out.f32().data() + plane * count * area, clip.f32().data() + (plane * s[2] + start) * area,
                static_cast<size_t>(count * area) * sizeof(float));
  return out;
}

HostTensor join_frames(const std::vector<HostTensor>& parts) {
  const Shape& s = parts.front().shape();
  int64_t frames = 0;
  for (const HostTensor& part : parts) frames += part.shape()[2];
  HostTensor out(DType::f32, {s[0], s[1], frames, s[3], s[4]});
  const int64_t area = s[3] * s[4];
  int64_t at = 0;
  for (const HostTensor& part : parts) {
    const int64_t count = part.shape()[2];
    for (int64_t plane = 0; plane < s[0] * s[1]; ++plane)
      std::memcpy(out.f32().data() + (plane * frames + at) * area, part.f32().data() + plane * count * area,
                  static_cast<size_t>(count * area) * sizeof(float));
    at += count;
  }
  return out;
}

HostTensor decode_clip(ClipDecoder& decoder, const HostTensor& latents) {
  decoder.restart();
  std::vector<HostTensor> parts;
  for (int64_t f = 0; f < latents.shape()[2]; ++f) parts.push_back(decoder.next(frames_of(latents, f, 1)));
  return join_frames(parts);
}

HostTensor encode_clip(ClipEncoder& encoder, const HostTensor& pixels) {
  encoder.restart();
  std::vector<HostTensor> parts;
  parts.push_back(encoder.next(frames_of(pixels, 0, 1)));
  for (int64_t f = 1; f + 4 <= pixels.shape()[2]; f += 4)
    parts.push_back(encoder.next(frames_of(pixels, f, 4)));
  return join_frames(parts);
}

}  // namespace zoetrope
