#include "nn/preset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/error.h"

namespace zoetrope {
namespace {

// Counted with diffusers' and transformers' classes built from the same configs on PyTorch's meta device.
const std::map<std::string, int64_t> kParameters = {
    {"umt5-xxl", 5680910336},       {"wan2.1-t2v-1.3b", 1418996800},  {"wan2.1-t2v-14b", 14288491584},
    {"wan2.1-vae", 126892531},      {"wan2.2-i2v-a14b", 14288901184}, {"wan2.2-t2v-a14b", 14288491584},
    {"wan2.2-ti2v-5b", 4999787712}, {"wan2.2-vae", 704688668},
};

TEST(Preset, EveryOneBuildsAndHasTheParametersOfTheReference) {
  ASSERT_EQ(presets().size(), kParameters.size());
  for (const Preset& preset : presets())
    EXPECT_EQ(parameter_count(*preset.model()), kParameters.at(preset.name)) << preset.name;
}

TEST(Preset, ItsVideoPartsGoTogether) {
  size_t videos = 0;
  for (const Preset& preset : presets()) {
    const auto model = preset.model();
    const auto* denoiser = dynamic_cast<const DenoiserModel*>(model.get());
    ASSERT_EQ(preset.video.has_value(), denoiser != nullptr) << preset.name;
    if (!denoiser) continue;
    ++videos;
    const auto text_model = zoetrope::preset(preset.video->text_encoder).model();
    const auto vae_model = zoetrope::preset(preset.video->autoencoder).model();
    const auto* text = dynamic_cast<const TextEncoderModel*>(text_model.get());
    const auto* vae = dynamic_cast<const AutoencoderModel*>(vae_model.get());
    ASSERT_TRUE(text && vae) << preset.name;
    EXPECT_EQ(text->width(), denoiser->traits().text_width) << preset.name;
    EXPECT_EQ(vae->traits().latent_channels, denoiser->traits().out_channels) << preset.name;
    EXPECT_EQ(preset.video->two_experts, preset.video->boundary_ratio.has_value()) << preset.name;
  }
  EXPECT_GT(videos, 0u);
}

TEST(Preset, ForwardOfFullSizeBuilds) {
  for (const Preset& preset : presets()) {
    if (!preset.video) continue;
    const auto model = preset.model();
    const auto& denoiser = dynamic_cast<const DenoiserModel&>(*model);
    const Graph graph = denoiser.forward({.frames = 21, .height = 152, .width = 104});
    const ValueId out = graph.find_output("sample");
    EXPECT_EQ(graph.value(out).type.shape, (Shape{1, denoiser.traits().out_channels, 21, 152, 104}));
  }
}

TEST(Preset, AnUnknownNameOffersTheNearest) {
  try {
    preset("WAN2.2-t2v-14b");
    FAIL() << "an unknown name was taken";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("wan2.2-t2v-a14b"));
  }
}

}  // namespace
}  // namespace zoetrope
