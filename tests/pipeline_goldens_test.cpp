// Whole clips against diffusers' pipelines, from the same noise; and proof that these comparisons can fail.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "cpu/cpu_device.h"
#include "formats/safetensors.h"
#include "pipeline/clip.h"
#include "pipeline/text_encoding.h"

namespace zoetrope {
namespace {

// Two float32 forwards differ by the rounding of their sums, here about 1e-6; guidance of g multiplies that
// by up to 2 g - 1, and the steps add it up: 2e-5 is what guidance of 5 and half of the signs cancelling
// leave.
constexpr double kTolerance = 2e-5;
// What the product promises. A fault must show beyond that.
constexpr double kPromise = 2e-4;

struct Reference {
  fs::path folder;  // of the pipeline
  Json arguments;
  TensorMap expected;

  double number(const char* key) const { return arguments.at(key).as_number(); }
  bool has(const char* key) const { return arguments.has(key) && !arguments.at(key).is_null(); }
};

Reference read_run(const fs::path& file) {
  Reference run{.folder = file.parent_path().parent_path()};
  run.arguments = Json::parse(SafetensorsFile(file).metadata().at("arguments"), file.string());
  run.expected = load_safetensors(file);
  return run;
}

Reference read_run(const std::string& pipeline, const std::string& name) {
  return read_run(fs::path(ZT_SOURCE_DIR) / "tests/data/pipelines" / pipeline / "golden" /
                  (name + ".safetensors"));
}

std::vector<LoraArgument> loras_of(const Reference& run, double factor = 1) {
  std::vector<LoraArgument> loras;
  if (!run.has("lora")) return loras;
  for (const auto& [expert, strength] : run.arguments.at("lora").as_object())
    loras.push_back({.file = run.folder / "lora.safetensors",
                     .strength = strength.as_number() * factor,
                     .expert = expert == "high" ? LoraExpert::high : LoraExpert::low});
  return loras;
}

ClipSettings settings_of(const Reference& run) {
  ClipSettings settings{.prompt = run.arguments.at("prompt").as_string(),
                        .negative = run.arguments.at("negative").as_string(),
                        .width = run.arguments.at("width").as_integer(),
                        .height = run.arguments.at("height").as_integer(),
                        .frames = run.arguments.at("frames").as_integer()};
  settings.denoise.steps = static_cast<int>(run.arguments.at("steps").as_integer());
  settings.denoise.guidance = run.number("guidance");
  settings.denoise.guidance_low = run.number("guidance_low");
  if (run.has("shift")) settings.denoise.shift = run.number("shift");
  if (run.has("boundary")) settings.denoise.boundary = run.number("boundary");
  if (run.has("sampler"))
    settings.denoise.sampler =
        run.arguments.at("sampler").as_string() == "euler" ? SamplerKind::euler : SamplerKind::unipc;
  if (run.has("image")) settings.picture = read_picture(run.folder / run.arguments.at("image").as_string());
  settings.noise = std::move(load_safetensors(run.folder / "noise.safetensors").at("latents"));
  return settings;
}

// Relative L2; infinity where the shapes differ or a value is not finite.
double distance(const HostTensor& ours, const HostTensor& expected) {
  if (!(ours.shape() == expected.shape())) return std::numeric_limits<double>::infinity();
  double difference = 0, norm = 0;
  for (size_t i = 0; i < expected.f32().size(); ++i) {
    if (!std::isfinite(ours.f32()[i])) return std::numeric_limits<double>::infinity();
    difference += std::pow(static_cast<double>(ours.f32()[i]) - expected.f32()[i], 2);
    norm += std::pow(static_cast<double>(expected.f32()[i]), 2);
  }
  return std::sqrt(difference / norm);
}

double error_of(const Reference& run, const ClipSettings& settings, double lora_factor = 1) {
  const auto device = make_cpu_device(2);
  const VideoModel model(run.folder, loras_of(run, lora_factor));
  Stages stages;
  const HostTensor latents = make_clip(model, *device, settings, {}, stages, [](auto&&...) {});
  return distance(latents, run.expected.at("latents"));
}

std::vector<fs::path> all_runs() {
  std::vector<fs::path> files;
  for (const auto& pipeline : fs::directory_iterator(fs::path(ZT_SOURCE_DIR) / "tests/data/pipelines"))
    if (fs::is_directory(pipeline.path() / "golden"))
      for (const auto& file : fs::directory_iterator(pipeline.path() / "golden"))
        files.push_back(file.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string run_name(const testing::TestParamInfo<fs::path>& info) {
  std::string name =
      info.param.parent_path().parent_path().filename().string() + "_" + info.param.stem().string();
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}

class PipelineGolden : public testing::TestWithParam<fs::path> {};

TEST_P(PipelineGolden, MatchesDiffusers) {
  const Reference run = read_run(GetParam());
  const auto device = make_cpu_device(2);
  const VideoModel model(run.folder, loras_of(run));
  const ClipSettings settings = settings_of(run);
  std::vector<Picture> frames;
  Stages stages;
  const HostTensor latents = make_clip(
      model, *device, settings, [&](const Picture& frame) { frames.push_back(frame); }, stages,
      [](auto&&...) {});
  const double error = distance(latents, run.expected.at("latents"));
  RecordProperty("relative_l2", fmt::format("{:.2e}", error));
  EXPECT_LE(error, kTolerance);

  const HostTensor& timesteps = run.expected.at("timesteps");
  const Schedule schedule = plan_denoising(model, settings.denoise).schedule;
  ASSERT_EQ(schedule.steps(), timesteps.elements());
  for (size_t i = 0; i < timesteps.f32().size(); ++i)
    EXPECT_EQ(static_cast<float>(schedule.timesteps[i]), timesteps.f32()[i]) << "step " << i;

  for (const StageReport& stage : stages.rows()) {
    EXPECT_GT(stage.planned_peak_bytes, 0) << stage.name;
    EXPECT_EQ(stage.measured_peak_bytes, stage.planned_peak_bytes) << stage.name;
  }

  ASSERT_EQ(static_cast<int64_t>(frames.size()), settings.frames);
  const auto recorded = run.expected.find("frames");
  if (recorded == run.expected.end()) return;
  const auto* pixel = static_cast<const uint8_t*>(recorded->second.data());
  ASSERT_TRUE(recorded->second.shape() ==
              (Shape{settings.frames, settings.height, settings.width, int64_t{3}}));
  int farthest = 0;
  for (const Picture& frame : frames)
    for (uint8_t value : frame.rgb) farthest = std::max(farthest, std::abs(value - *pixel++));
  EXPECT_LE(farthest, 1) << "of 255";
}

class PromptGolden : public testing::TestWithParam<fs::path> {};

TEST_P(PromptGolden, IsEncodedAsDiffusersDoes) {
  const Reference run = read_run(GetParam());
  const auto device = make_cpu_device(2);
  const VideoModel model(run.folder);
  for (const auto& [name, prompt] :
       {std::pair{"prompt_embeds", "prompt"}, std::pair{"negative_prompt_embeds", "negative"}}) {
    const HostTensor& expected = run.expected.at(name);  // (1, L, W)
    const HostTensor ids = prompt_ids(model, run.arguments.at(prompt).as_string());
    ASSERT_EQ(ids.shape()[1], expected.shape()[1]) << name;
    TextEncoding encoding(model, *device, {}, ids.shape()[1]);
    const HostTensor text = encoding.run(ids);  // (1, 512, W)
    ASSERT_EQ(text.shape()[1], kTextTokens);
    const auto used = static_cast<size_t>(expected.elements());
    EXPECT_LE(distance(HostTensor::from_f32(expected.shape(), text.f32().first(used)), expected), 1e-5);
    for (float value : text.f32().subspan(used)) ASSERT_EQ(value, 0.0f) << name;
  }
}

std::vector<fs::path> runs_with_embeddings() {
  std::vector<fs::path> files = all_runs();
  std::erase_if(files, [](const fs::path& file) { return !SafetensorsFile(file).find("prompt_embeds"); });
  return files;
}

INSTANTIATE_TEST_SUITE_P(All, PipelineGolden, testing::ValuesIn(all_runs()), run_name);
INSTANTIATE_TEST_SUITE_P(All, PromptGolden, testing::ValuesIn(runs_with_embeddings()), run_name);

// The first latent frame of a clip that starts from a picture is that picture, encoded.
TEST(PipelinePicture, IsTheFirstLatentFrame) {
  for (const char* pipeline : {"ti2v", "ti2v_two_experts"}) {
    const Reference run = read_run(pipeline, "picture");
    const auto device = make_cpu_device(2);
    const VideoModel model(run.folder);
    const HostTensor clip = picture_clip(model, pixels_of(*settings_of(run).picture), 13);
    ASSERT_EQ(clip.shape()[2], 1);
    ClipEncoder encoder(model.autoencoder(), *device, {}, clip.shape());
    const HostTensor encoded = encode_picture(model, encoder, clip);
    EXPECT_LE(distance(encoded, frames_of(run.expected.at("latents"), 0, 1)), 1e-5) << pipeline;
    EXPECT_EQ(encoder.session().measured_peak_bytes(), encoder.session().plan().peak_bytes);
  }
}

// ---- Planted faults: each must be seen. ----

// The denoising of a run in its parts, so that a fault can be put between them.
class Parts {
 public:
  explicit Parts(const Reference& run)
      : run_(run),
        settings_(settings_of(run)),
        model_(run.folder, loras_of(run)),
        device_(make_cpu_device(2)),
        plan(plan_denoising(model_, settings_.denoise)) {
    conditions.text = encoded(settings_.prompt);
    conditions.negative = encoded(settings_.negative);
  }
  int64_t prompt_length() const { return prompt_ids(model_, settings_.prompt).shape()[1]; }
  double error() {
    const LatentShape shape = model_.latents(settings_.width, settings_.height, settings_.frames);
    DenoiseState state = start_denoising(plan, *settings_.noise);
    while (state.step < plan.steps()) {
      const Expert expert = plan.experts[static_cast<size_t>(state.step)].expert;
      ExpertRun(model_, expert, *device_, {}, {shape}).run(plan, conditions, state, {});
    }
    return distance(finish_denoising(model_, conditions, std::move(state), "latents"),
                    run_.expected.at("latents"));
  }

 private:
  HostTensor encoded(const std::string& prompt) {
    const HostTensor ids = prompt_ids(model_, prompt);
    return TextEncoding(model_, *device_, {}, ids.shape()[1]).run(ids);
  }
  const Reference& run_;
  ClipSettings settings_;
  VideoModel model_;
  std::unique_ptr<Device> device_;

 public:
  DenoisePlan plan;
  Conditions conditions;
};

TEST(PipelineFault, TheBoundaryOneStepOffIsSeen) {
  for (const auto& [pipeline, name] :
       {std::pair{"t2v", "guided"}, std::pair{"i2v", "guided"}, std::pair{"ti2v_two_experts", "text"}}) {
    const Reference run = read_run(pipeline, name);
    ClipSettings settings = settings_of(run);
    const DenoisePlan plan = plan_denoising(VideoModel(run.folder), settings.denoise);
    const int boundary = plan.steps_of(Expert::high);
    settings.denoise.boundary_step = boundary;
    EXPECT_LE(error_of(run, settings), kTolerance) << "by step instead of by ratio: " << pipeline;
    for (int other : {boundary - 1, boundary + 1}) {
      settings.denoise.boundary_step = other;
      EXPECT_GT(error_of(run, settings), kPromise) << pipeline << ", step " << other;
    }
  }
}

TEST(PipelineFault, TheExpertsGuidanceSwappedIsSeen) {
  for (const char* name : {"guided", "low_unguided", "high_unguided", "boundary_0.5"}) {
    const Reference run = read_run("t2v", name);
    ClipSettings settings = settings_of(run);
    const double high = settings.denoise.guidance;
    settings.denoise.guidance = *settings.denoise.guidance_low;
    settings.denoise.guidance_low = high;
    EXPECT_GT(error_of(run, settings), kPromise) << name;
  }
}

TEST(PipelineFault, AShiftOnePercentOffIsSeen) {
  for (const auto& [pipeline, name] : {std::pair{"t2v", "unguided"}, std::pair{"t2v", "euler_shift5"},
                                       std::pair{"t2v_euler", "guided"}, std::pair{"ti2v", "text"}}) {
    const Reference run = read_run(pipeline, name);
    ClipSettings settings = settings_of(run);
    const double shift = settings.denoise.shift.value_or(VideoModel(run.folder).scheduler().shift);
    settings.denoise.shift = shift * 1.01;
    EXPECT_GT(error_of(run, settings), kPromise) << pipeline << "/" << name;
  }
}

TEST(PipelineFault, TheOtherSamplerIsSeen) {
  const Reference run = read_run("t2v", "unguided");
  ClipSettings settings = settings_of(run);
  settings.denoise.sampler = SamplerKind::euler;
  EXPECT_GT(error_of(run, settings), kPromise);
}

TEST(PipelineFault, ASkippedStepIsSeen) {
  const Reference run = read_run("t2v", "unguided");
  EXPECT_LE(Parts(run).error(), kTolerance);
  for (int skipped : {0, 3, 6}) {
    Parts parts(run);
    parts.plan.schedule.timesteps.erase(parts.plan.schedule.timesteps.begin() + skipped);
    parts.plan.combinations.erase(parts.plan.combinations.begin() + skipped);
    parts.plan.experts.erase(parts.plan.experts.begin() + skipped);
    EXPECT_GT(parts.error(), kPromise) << "step " << skipped;
  }
}

TEST(PipelineFault, TextThatIsNotPaddedWithZerosIsSeen) {
  const Reference run = read_run("t2v", "guided");
  Parts parts(run);
  EXPECT_LE(parts.error(), kTolerance);
  const int64_t width = parts.conditions.text.shape()[2];
  const auto used = static_cast<size_t>(parts.prompt_length() * width);
  const auto rows = parts.conditions.text.f32();
  // The last token's embedding instead of zeros.
  for (size_t i = used; i < rows.size(); ++i) rows[i] = rows[i - static_cast<size_t>(width)];
  EXPECT_GT(parts.error(), kPromise);
}

TEST(PipelineFault, ALoraTwoPercentTooStrongIsSeen) {
  for (const char* name : {"lora_high_0.7", "lora_both", "lora_high_1.2_low_-0.5"}) {
    const Reference run = read_run("t2v", name);
    EXPECT_GT(error_of(run, settings_of(run), 1.02), kPromise) << name;
  }
}

TEST(PipelineFault, ALoraOnTheOtherExpertIsSeen) {
  const Reference run = read_run("t2v", "lora_high_0.7");
  std::vector<LoraArgument> loras = loras_of(run);
  ASSERT_EQ(loras.size(), 1u);
  loras[0].expert = LoraExpert::low;
  const auto device = make_cpu_device(2);
  Stages stages;
  const HostTensor latents =
      make_clip(VideoModel(run.folder, loras), *device, settings_of(run), {}, stages, [](auto&&...) {});
  EXPECT_GT(distance(latents, run.expected.at("latents")), kPromise);
}

TEST(PipelineFault, APictureOnePixelToTheSideIsSeen) {
  for (const auto& [pipeline, name] : {std::pair{"i2v", "unguided"}, std::pair{"ti2v", "picture"}}) {
    const Reference run = read_run(pipeline, name);
    ClipSettings settings = settings_of(run);
    auto& rgb = settings.picture->rgb;
    std::rotate(rgb.begin(), rgb.end() - 3, rgb.end());
    EXPECT_GT(error_of(run, settings), kPromise) << pipeline;
  }
}

}  // namespace
}  // namespace zoetrope
