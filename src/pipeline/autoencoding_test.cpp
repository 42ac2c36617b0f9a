#include "pipeline/autoencoding.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cpu/cpu_device.h"

namespace zoetrope {
namespace {

class AutoencoderMemory : public testing::TestWithParam<const char*> {
 protected:
  Component component_{fs::path(ZT_SOURCE_DIR) / "models/wan_vae/goldens" / GetParam()};
  AutoencoderTraits traits_ = component_.autoencoder().traits();
  std::unique_ptr<Device> device_ = make_cpu_device(2);

  struct Peaks {
    int64_t planned, measured;
    bool operator==(const Peaks&) const = default;
  };
  static Peaks peaks_of(const Session& session) {
    return {session.plan().peak_bytes, session.measured_peak_bytes()};
  }
  // A clip whose values change from frame to frame and place to place.
  static HostTensor clip(const Shape& shape) {
    HostTensor out(DType::f32, shape);
    for (size_t i = 0; i < out.f32().size(); ++i) out.f32()[i] = std::sin(0.37f * static_cast<float>(i));
    return out;
  }
  int64_t latent_frames(int64_t frames) const { return (frames - 1) / traits_.temporal_factor + 1; }
};

TEST_P(AutoencoderMemory, OfDecodingDoesNotGrowWithTheClip) {
  std::vector<Peaks> peaks;
  for (int64_t frames : {33, 129}) {
    const HostTensor latents = clip({1, traits_.latent_channels, latent_frames(frames), 2, 3});
    ClipDecoder decoder(component_, *device_, {}, latents.shape());
    const HostTensor pixels = decode_clip(decoder, latents);
    EXPECT_EQ(pixels.shape()[2], frames);
    for (float value : pixels.f32()) ASSERT_TRUE(value >= -1 && value <= 1);
    peaks.push_back(peaks_of(decoder.session()));
    EXPECT_EQ(peaks.back().measured, peaks.back().planned);
  }
  EXPECT_EQ(peaks[0], peaks[1]);
}

TEST_P(AutoencoderMemory, OfEncodingDoesNotGrowWithTheClip) {
  std::vector<Peaks> peaks;
  for (int64_t frames : {33, 129}) {
    const HostTensor pixels = clip({1, 3, frames, 2 * traits_.spatial_factor, 3 * traits_.spatial_factor});
    ClipEncoder encoder(component_, *device_, {}, pixels.shape());
    const HostTensor moments = encode_clip(encoder, pixels);
    EXPECT_EQ(moments.shape()[2], latent_frames(frames));
    peaks.push_back(peaks_of(encoder.session()));
    EXPECT_EQ(peaks.back().measured, peaks.back().planned);
  }
  EXPECT_EQ(peaks[0], peaks[1]);
}

// What a clip becomes does not depend on the clip before it, nor on what comes after a frame.
TEST_P(AutoencoderMemory, AClipStartsAnewAndIsCausal) {
  const HostTensor latents = clip({1, traits_.latent_channels, 5, 2, 3});
  ClipDecoder decoder(component_, *device_, {}, latents.shape());
  const HostTensor whole = decode_clip(decoder, latents), again = decode_clip(decoder, latents);
  EXPECT_TRUE(std::equal(whole.f32().begin(), whole.f32().end(), again.f32().begin()));
  const HostTensor start = decode_clip(decoder, frames_of(latents, 0, 3));
  const HostTensor same = frames_of(whole, 0, start.shape()[2]);
  EXPECT_TRUE(std::equal(start.f32().begin(), start.f32().end(), same.f32().begin()));
  // Without a new start the clip before shows.
  const HostTensor carried = decoder.next(frames_of(latents, 0, 1));
  EXPECT_NE(carried.shape()[2], 1);
}

INSTANTIATE_TEST_SUITE_P(Generations, AutoencoderMemory,
                         testing::Values("wan21_decode_f9", "wan22_decode_f9",
                                         "wan21_three_levels_decode_f13"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace zoetrope
