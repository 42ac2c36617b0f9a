#include "forecast/clip_plan.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace zoetrope {
namespace {

constexpr int64_t kTextTokens = 512;
// Frames to a file on the host: an assumption, about what x264 reaches on eight cores.
constexpr double kEncodedPixelsPerSecond = 60e6;
// A chip that was never measured has another's curves: what its seconds may differ by.
constexpr double kUnmeasured = 0.25;

StagePrice stage_of(const std::string& name, const ComponentPrice& price, const Gpu& gpu) {
  StagePrice stage{.name = name,
                   .peak_bytes = price.plan.peak_bytes,
                   .resident_bytes = price.plan.parameter_bytes,
                   .streamed_bytes = price.plan.streamed_bytes};
  stage.load_seconds = static_cast<double>(price.plan.parameter_bytes) / gpu.link;
  return stage;
}

void add_text(const CheckedClip& clip, ClipPlan& plan) {
  std::vector<Graph> graphs;
  graphs.push_back(clip.text_encoder().encode(1, kTextTokens));
  const ComponentPrice price =
      price_component(std::move(graphs), plan.gpu, clip.request.formats, plan.budget_bytes);
  StagePrice stage = stage_of("text", price, plan.gpu);
  const bool guided = std::any_of(clip.passes.begin(), clip.passes.end(),
                                  [](const ExpertPass& pass) { return pass.forwards > pass.steps; });
  stage.forwards = guided ? 2 : 1;
  stage.seconds = stage.load_seconds + static_cast<double>(stage.forwards) * price.graphs[0].seconds;
  plan.stages.push_back(stage);
}

void add_denoising(const CheckedClip& clip, ClipPlan& plan) {
  std::vector<Graph> graphs;
  graphs.push_back(clip.forward());
  const ComponentPrice price =
      price_component(std::move(graphs), plan.gpu, clip.request.formats, plan.budget_bytes);
  plan.forward = price.graphs[0];
  for (const ExpertPass& pass : clip.passes) {
    StagePrice stage = stage_of("denoise " + pass.expert, price, plan.gpu);
    stage.forwards = pass.forwards;
    double overhead = stage.load_seconds;
    if (plan.gpu.calibration) overhead = plan.gpu.calibration->pass_overhead;
    stage.seconds = overhead + pass.forwards * plan.forward.seconds;
    plan.denoise.push_back({pass, stage.seconds, overhead});
    plan.stages.push_back(stage);
  }
}

void add_decoding(const CheckedClip& clip, ClipPlan& plan) {
  std::vector<Graph> graphs;
  const AutoencoderModel::ChunkShape chunk{
      .batch = clip.request.batch, .height = clip.latent_height, .width = clip.latent_width, .first = true};
  AutoencoderModel::ChunkShape steady = chunk;
  steady.first = false;
  graphs.push_back(clip.autoencoder().decode_chunk(chunk));
  graphs.push_back(clip.autoencoder().decode_chunk(steady));
  const ComponentPrice price =
      price_component(std::move(graphs), plan.gpu, clip.request.formats, plan.budget_bytes);
  StagePrice stage = stage_of("decode", price, plan.gpu);
  stage.forwards = clip.latent_frames;
  stage.seconds = stage.load_seconds + price.graphs[0].seconds +
                  static_cast<double>(clip.latent_frames - 1) * price.graphs[1].seconds;
  plan.stages.push_back(stage);
}

}  // namespace

Range range_of(double seconds, const ClipPlan& plan) {
  if (!plan.gpu.calibration) {
    const double spread = plan.gpu.measured() ? 0 : kUnmeasured;
    return {seconds * (1 - spread), seconds * (1 + spread)};
  }
  // Two standard deviations of the seconds, from those of overhead, log scale and log ratio.
  const Calibration& law = *plan.gpu.calibration;
  double passes = 0, forwards = 0;
  for (const PassPrice& pass : plan.denoise) passes += 1, forwards += pass.pass.forwards;
  const double attention = plan.forward.kind_seconds[static_cast<size_t>(WorkKind::attention)];
  const double gradient[3] = {passes, -forwards * plan.forward.seconds, -forwards * attention};
  double variance = 0;
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 3; ++j) variance += gradient[i] * law.covariance[3 * i + j] * gradient[j];
  const double spread = 2 * std::sqrt(std::max(variance, 0.0));
  return {std::max(0.0, seconds - spread), seconds + spread};
}

ClipPlan plan_clip(const CheckedClip& clip, const Gpu& gpu) {
  ClipPlan plan{.gpu = gpu, .request = clip.request, .tokens = clip.tokens};
  plan.budget_bytes = clip.request.budget_bytes > 0 ? std::min(clip.request.budget_bytes, gpu.memory_bytes)
                                                    : gpu.memory_bytes;
  add_text(clip, plan);
  add_denoising(clip, plan);
  add_decoding(clip, plan);
  const double pixels = static_cast<double>(clip.request.width * clip.request.height * clip.request.frames);
  plan.stages.push_back(
      {.name = "save",
       .seconds = static_cast<double>(clip.request.batch) * pixels / kEncodedPixelsPerSecond});
  for (StagePrice& stage : plan.stages) {
    // A calibrated pass has text, load, decode and saving in its overhead: they are not added twice.
    if (gpu.calibration && !stage.name.starts_with("denoise")) stage.seconds = stage.load_seconds = 0;
    plan.seconds += stage.seconds;
    plan.peak_bytes = std::max(plan.peak_bytes, stage.peak_bytes);
  }
  const Range range = range_of(plan.seconds, plan);
  plan.low = range.low;
  plan.high = range.high;
  return plan;
}

std::optional<ClipPlan> nearest_that_fits(const ClipRequest& request, const Gpu& gpu) {
  const auto attempt = [&](const ClipRequest& smaller) -> std::optional<ClipPlan> {
    try {
      return plan_clip(check_clip(smaller), gpu);
    } catch (const FitError&) {
      return std::nullopt;
    }
  };
  // The largest number below `most` whose clip fits, by halving; the plans of smaller clips need fewer bytes.
  const auto largest = [&](int64_t most, const auto& with) -> std::optional<ClipPlan> {
    std::optional<ClipPlan> best;
    int64_t low = 0, high = most;  // high does not fit
    while (high - low > std::max<int64_t>(1, most / 16)) {
      const int64_t middle = (low + high) / 2;
      if (middle == 0) break;
      if (std::optional<ClipPlan> plan = attempt(with(middle))) {
        best = std::move(plan);
        low = middle;
      } else {
        high = middle;
      }
    }
    return best;
  };
  const CheckedClip clip = check_clip(request);
  const int64_t step = clip.autoencoder().traits().temporal_factor;
  const int64_t side = clip.autoencoder().traits().spatial_factor * clip.denoiser().traits().patch_h;
  std::optional<ClipPlan> shorter = largest((request.frames - 1) / step + 1, [&](int64_t n) {
    ClipRequest smaller = request;
    smaller.frames = (n - 1) * step + 1;
    return smaller;
  });
  if (shorter && 2 * shorter->tokens > clip.tokens) return shorter;
  const int64_t columns = request.width / side, rows = request.height / side;
  std::optional<ClipPlan> smaller = largest(std::min(columns, rows), [&](int64_t n) {
    ClipRequest scaled = request;
    const double share = static_cast<double>(n) / static_cast<double>(std::min(columns, rows));
    scaled.width = side * std::max<int64_t>(1, std::llround(static_cast<double>(columns) * share));
    scaled.height = side * std::max<int64_t>(1, std::llround(static_cast<double>(rows) * share));
    return scaled;
  });
  if (!shorter || (smaller && smaller->tokens > shorter->tokens)) return smaller;
  return shorter;
}

}  // namespace zoetrope
