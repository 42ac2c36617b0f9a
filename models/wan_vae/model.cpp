// The autoencoder of Wan 2.1 (16 latent channels) and Wan 2.2 TI2V (48): convolutions that look back in time
// only, so that a clip of any length is worked on a latent frame at a time, with the last frames of every
// layer as state. B batch, T frames of a chunk, z latent channels. Inside, tensors are channels last: (B, T,
// H, W, C).
#include "nn/model.h"

#include <fmt/format.h>

#include "blocks.h"
#include "config.h"
#include "ops/binary.h"
#include "ops/permute.h"
#include "ops/reshape.h"

namespace zoetrope {
namespace wan_vae {
namespace {

class WanVae final : public AutoencoderModel {
 public:
  explicit WanVae(const Json& config) : config_(read_config(config)) {}

  AutoencoderTraits traits() const override {
    return {.latent_channels = config_.z,
            .picture_channels = config_.in_channels / (config_.patch * config_.patch),
            .spatial_factor = config_.spatial_factor(),
            .temporal_factor = config_.temporal_factor(),
            .latents_mean = config_.latents_mean,
            .latents_std = config_.latents_std};
  }
  int64_t encode_frames() const override { return 4; }

  WeightLayout layout(const TensorShapes& checkpoint) const override {
    WeightLayout layout;
    for (const char* prefix : {"vae.", "first_stage_model."})
      if (checkpoint.contains(std::string(prefix) + "decoder.conv_in.weight") ||
          checkpoint.contains(std::string(prefix) + "decoder.conv1.weight"))
        layout.prefix = prefix;
    const bool diffusers = checkpoint.contains(layout.prefix + "decoder.conv_in.weight") ||
                           checkpoint.contains(layout.prefix + "quant_conv.weight");
    layout.name = diffusers ? "diffusers" : "original";
    if (!diffusers) return layout;
    std::map<std::string, std::string> names;
    build_encoder(smallest_picture(), &names);
    build_decoder({.first = false}, &names);
    for (const auto& [canonical, other] : names) layout.rules[canonical] = {{{other}}, std::nullopt};
    return layout;
  }

  std::vector<Graph> smallest_graphs() const override {
    std::vector<Graph> graphs;
    graphs.push_back(encode_chunk(smallest_picture()));
    graphs.push_back(decode_chunk({.first = false}));
    return graphs;
  }

  Graph decode_chunk(const ChunkShape& shape) const override { return build_decoder(shape, nullptr); }
  Graph encode_chunk(const ChunkShape& shape) const override { return build_encoder(shape, nullptr); }

 private:
  ChunkShape smallest_picture() const {
    return {.height = config_.spatial_factor(), .width = config_.spatial_factor(), .first = false};
  }
  size_t levels() const { return config_.multipliers.size(); }

  // Pixels (B, 3, T, H, W) -> (B, T, H/p, W/p, 3 p p), the column within a patch before the row.
  Tensor fold(Tensor x) const {
    const Shape s = x.shape();
    const int64_t p = config_.patch;
    if (p == 1) return permute(x, {0, 2, 3, 4, 1});
    x = reshape(x, {s[0], s[1], s[2], s[3] / p, p, s[4] / p, p});
    x = permute(x, {0, 2, 3, 5, 1, 6, 4});
    return reshape(x, {s[0], s[2], s[3] / p, s[4] / p, s[1] * p * p});
  }

  // The inverse: (B, T, h, w, 3 p p) -> (B, 3, T, h p, w p).
  Tensor unfold(Tensor x) const {
    const Shape s = x.shape();
    const int64_t p = config_.patch, channels = s[4] / (p * p);
    if (p == 1) return permute(x, {0, 4, 1, 2, 3});
    x = reshape(x, {s[0], s[1], s[2], s[3], channels, p, p});
    x = permute(x, {0, 4, 1, 2, 6, 3, 5});
    return reshape(x, {s[0], channels, s[1], s[2] * p, s[3] * p});
  }

  Graph build_encoder(const ChunkShape& shape, std::map<std::string, std::string>* names) const {
    const int64_t factor = config_.spatial_factor();
    if (shape.height % factor || shape.width % factor)
      throw GraphError(
          fmt::format("pictures of {}x{} do not divide by {}", shape.width, shape.height, factor), "wan_vae");
    Graph g("wan_vae.encode");
    const Build b{g, shape.first, names};
    const Module encoder{"encoder", "encoder"};
    const int64_t frames = shape.first ? 1 : encode_frames();
    Tensor pixels = g.input("sample", DType::f32,
                            {shape.batch, traits().picture_channels, frames, shape.height, shape.width});
    Tensor x = fold(pixels);  // (B, T, H', W', in)
    x = causal_conv(b, x, encoder.child("conv1", "conv_in"), config_.base, 3);
    x = config_.residual ? encoder_levels_22(b, x, encoder) : encoder_levels_21(b, x, encoder);
    x = middle(b, x, encoder);
    x = head(b, x, encoder.child("head.0", "norm_out"), encoder.child("head.2", "conv_out"), 2 * config_.z);
    x = causal_conv(b, x, {"conv1", "quant_conv"}, 2 * config_.z, 1);  // (B, T', h, w, 2 z)
    g.output("moments", permute(x, {0, 4, 1, 2, 3}));                  // (B, 2 z, T', h, w)
    return g;
  }

  Tensor encoder_levels_21(const Build& b, Tensor x, const Module& encoder) const {
    int64_t place = 0;
    auto next = [&] {
      const std::string number = std::to_string(place++);
      return encoder.child("downsamples." + number, "down_blocks." + number);
    };
    for (size_t i = 0; i < levels(); ++i) {
      for (int64_t k = 0; k < config_.res_blocks; ++k)
        x = residual_block(b, x, next(), config_.base * config_.multipliers[i]);
      if (i + 1 < levels()) x = downsample(b, x, next(), config_.temporal_down[i]);
    }
    return x;
  }

  Tensor encoder_levels_22(const Build& b, Tensor x, const Module& encoder) const {
    for (size_t i = 0; i < levels(); ++i) {
      const Module level = encoder.child(fmt::format("downsamples.{}", i), fmt::format("down_blocks.{}", i));
      const bool down = i + 1 < levels(), time = down && config_.temporal_down[i];
      const int64_t channels = config_.base * config_.multipliers[i];
      Tensor shortcut = averaged_down(x, channels, time ? 2 : 1, down ? 2 : 1);
      for (int64_t k = 0; k < config_.res_blocks; ++k)
        x = residual_block(b, x, level.child(fmt::format("downsamples.{}", k), fmt::format("resnets.{}", k)),
                           channels);
      if (down)
        x = downsample(b, x, level.child(fmt::format("downsamples.{}", config_.res_blocks), "downsampler"),
                       time);
      x = add(x, shortcut);
    }
    return x;
  }

  Graph build_decoder(const ChunkShape& shape, std::map<std::string, std::string>* names) const {
    Graph g("wan_vae.decode");
    const Build b{g, shape.first, names};
    const Module decoder{"decoder", "decoder"};
    Tensor latents = g.input("sample", DType::f32, {shape.batch, config_.z, 1, shape.height, shape.width});
    Tensor x = permute(latents, {0, 2, 3, 4, 1});  // (B, 1, h, w, z)
    x = causal_conv(b, x, {"conv2", "post_quant_conv"}, config_.z, 1);
    x = causal_conv(b, x, decoder.child("conv1", "conv_in"),
                    config_.decoder_base * config_.multipliers.back(), 3);
    x = middle(b, x, decoder);
    for (size_t i = 0; i < levels(); ++i)
      x = config_.residual ? decoder_level_22(b, x, decoder, i) : decoder_level_21(b, x, decoder, i);
    x = head(b, x, decoder.child("head.0", "norm_out"), decoder.child("head.2", "conv_out"),
             config_.out_channels);
    g.output("sample", unfold(x));  // (B, 3, T, H, W)
    return g;
  }

  // Level i of the decoder mirrors level n-1-i of the encoder.
  int64_t decoder_channels(size_t i) const {
    return config_.decoder_base * config_.multipliers[levels() - 1 - i];
  }
  bool doubles_time(size_t i) const { return i + 1 < levels() && config_.temporal_down[levels() - 2 - i]; }

  Tensor decoder_level_21(const Build& b, Tensor x, const Module& decoder, size_t i) const {
    const int64_t first = static_cast<int64_t>(i) * (config_.res_blocks + 2), channels = decoder_channels(i);
    auto module = [&](int64_t k, const std::string& other) {
      return decoder.child(fmt::format("upsamples.{}", first + k), fmt::format("up_blocks.{}.{}", i, other));
    };
    for (int64_t k = 0; k <= config_.res_blocks; ++k)
      x = residual_block(b, x, module(k, fmt::format("resnets.{}", k)), channels);
    if (i + 1 < levels())
      x = upsample(b, x, module(config_.res_blocks + 1, "upsamplers.0"), doubles_time(i), channels / 2);
    return x;
  }

  Tensor decoder_level_22(const Build& b, Tensor x, const Module& decoder, size_t i) const {
    const Module level = decoder.child(fmt::format("upsamples.{}", i), fmt::format("up_blocks.{}", i));
    const int64_t channels = decoder_channels(i);
    const bool up = i + 1 < levels();
    Tensor shortcut = up ? duplicated_up(x, channels, doubles_time(i) ? 2 : 1, 2, b.first) : Tensor();
    for (int64_t k = 0; k <= config_.res_blocks; ++k)
      x = residual_block(b, x, level.child(fmt::format("upsamples.{}", k), fmt::format("resnets.{}", k)),
                         channels);
    if (!up) return x;
    x = upsample(b, x, level.child(fmt::format("upsamples.{}", config_.res_blocks + 1), "upsampler"),
                 doubles_time(i), channels);
    return add(x, shortcut);
  }

  Config config_;
};

bool recognises(const Json& config) { return config.string_or("_class_name", "") == "AutoencoderKLWan"; }
std::unique_ptr<Model> create(const Json& config) { return std::make_unique<WanVae>(config); }

}  // namespace
}  // namespace wan_vae

extern const ModelEntry zt_model_wan_vae;
const ModelEntry zt_model_wan_vae = {"wan_vae", wan_vae::recognises, wan_vae::create};

}  // namespace zoetrope
