#include "pipeline/video_model.h"

#include <fmt/format.h>

#include "base/checked.h"
#include "base/log.h"

namespace zoetrope {

VideoModel::VideoModel(const fs::path& folder, const std::vector<LoraArgument>& loras)
    : files_(ModelFolder::open(folder)), loras_(loras) {
  auto open = [&](const char* name) { return std::make_unique<Component>(files_.at(name).folder); };
  scheduler_ = read_scheduler_config(files_.at("scheduler").folder / "scheduler_config.json");
  tokenizer_ = load_tokenizer(files_.at("tokenizer").folder);
  text_encoder_ = open("text_encoder");
  high_ = open("transformer");
  if (files_.find("transformer_2")) low_ = open("transformer_2");
  autoencoder_ = open("vae");
  check();
  high_weights_ = std::make_unique<LoraSource>(high_->binding());
  if (low_) low_weights_ = std::make_unique<LoraSource>(low_->binding());
  add_loras();
}

void VideoModel::check() {
  const auto where = [](const Component& component) { return (component.folder() / "config.json").string(); };
  const DenoiserTraits traits = high_->denoiser().traits();
  const AutoencoderTraits pictures = autoencoder_->autoencoder().traits();
  const int64_t z = pictures.latent_channels, width = text_encoder_->text_encoder().width();
  if (low_) {
    const DenoiserTraits other = low_->denoiser().traits();
    if (other.in_channels != traits.in_channels || other.out_channels != traits.out_channels ||
        other.text_width != traits.text_width)
      throw InputError("the two experts have other channels or another text width", where(*low_));
  }
  if (traits.out_channels != z)
    throw InputError(
        fmt::format("out_channels is {}, but the autoencoder's z_dim is {}", traits.out_channels, z),
        where(*high_));
  if (traits.text_width != width)
    throw InputError(
        fmt::format("text_dim is {}, but the text encoder's d_model is {}", traits.text_width, width),
        where(*high_));
  if (files_.expand_timesteps())
    conditioning_ = Conditioning::first_frame;
  else if (traits.in_channels == 2 * z + 4)
    conditioning_ = Conditioning::channels;
  const int64_t expected = conditioning_ == Conditioning::channels ? 2 * z + 4 : z;
  if (traits.in_channels != expected)
    throw InputError(fmt::format("in_channels is {}; with {} latent channels it should be {} (text to video) "
                                 "or {} (image to video)",
                                 traits.in_channels, z, z, 2 * z + 4),
                     where(*high_));
  if (traits.patch_t != 1)
    throw InputError("patches of several frames are not supported in a pipeline", where(*high_));
}

void VideoModel::add_loras() {
  for (LoraArgument& argument : loras_) {
    if (!argument.expert) {
      argument.expert =
          two_experts() ? expert_from_name(argument.file).value_or(LoraExpert::both) : LoraExpert::both;
      if (two_experts())
        log_info("{} goes to {}", argument.file.filename().string(), name_of(*argument.expert));
    }
    if (*argument.expert == LoraExpert::low && !two_experts())
      throw UsageError("this model has one expert, there is no low-noise one", "--lora", "leave @low away");
    const auto lora =
        std::make_shared<const Lora>(Lora::open(argument.file, LoraSource::describe(high_->denoiser())));
    if (*argument.expert != LoraExpert::low) high_weights_->add(lora, argument.strength);
    if (*argument.expert != LoraExpert::high && low_weights_) low_weights_->add(lora, argument.strength);
  }
}

const ParameterSource& VideoModel::weights(Expert which) const {
  return which == Expert::low && low_weights_ ? *low_weights_ : *high_weights_;
}

std::vector<Pass> VideoModel::passes(Expert which) const {
  const LoraSource& source = which == Expert::low && low_weights_ ? *low_weights_ : *high_weights_;
  std::vector<Pass> passes;
  if (!source.empty()) passes.push_back(source.pass());
  return passes;
}

LatentShape VideoModel::latents(int64_t width, int64_t height, int64_t frames) const {
  const AutoencoderTraits pictures = autoencoder_->autoencoder().traits();
  const DenoiserTraits traits = high_->denoiser().traits();
  const int64_t t = pictures.temporal_factor;
  if (frames < 1 || (frames - 1) % t != 0) {
    const int64_t below = std::max<int64_t>(1, (frames - 1) / t * t + 1);
    throw UsageError(fmt::format("{} frames: this model makes {}n+1", frames, t), "--frames",
                     fmt::format("take {} or {}", below, below + t));
  }
  const int64_t step_x = pictures.spatial_factor * traits.patch_w,
                step_y = pictures.spatial_factor * traits.patch_h;
  if (width % step_x || height % step_y) {
    auto nearest = [](int64_t value, int64_t step) {
      return std::max(step, (value + step / 2) / step * step);
    };
    throw UsageError(fmt::format("{}x{}: this model's width is a multiple of {}, its height of {}", width,
                                 height, step_x, step_y),
                     "--size", fmt::format("take {}x{}", nearest(width, step_x), nearest(height, step_y)));
  }
  return {traits.out_channels, (frames - 1) / t + 1, height / pictures.spatial_factor,
          width / pictures.spatial_factor};
}

std::vector<std::pair<std::string, const Component*>> VideoModel::components() const {
  std::vector<std::pair<std::string, const Component*>> list = {{"text_encoder", text_encoder_.get()},
                                                                {"transformer", high_.get()}};
  if (low_) list.emplace_back("transformer_2", low_.get());
  list.emplace_back("vae", autoencoder_.get());
  return list;
}

}  // namespace zoetrope
