#include "forecast/calibrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace zoetrope {
namespace {

using testing::HasSubstr;

MeasuredRun run_of(int64_t frames, double seconds, int steps) {
  MeasuredRun run{
      .request = {.model = "wan2.2-t2v-a14b", .width = 832, .height = 1216, .frames = frames, .steps = steps},
      .pass_seconds = seconds};
  if (steps > 1) run.request.boundary_step = steps / 2;
  return run;
}

// What a plan says of a pass once the fit was written to a file and read again.
double forecast(const MeasuredRuns& measured, const Fit& fit, const ClipRequest& request) {
  const Gpu gpu = read_catalogue(Yaml::parse(yaml_of(measured, fit), "gpu.yaml"), gpu_catalogue()).front();
  const ClipPlan plan = plan_clip(check_clip(request), gpu);
  return plan.seconds / static_cast<double>(plan.denoise.size());
}

// Wan 2.2 A14B in 8-bit weights on one RTX 5090, two passes of two steps, no guidance, total divided by two,
// as published; 161 frames are forecast from the three shorter clips.
TEST(Calibrate, ThePublishedRun) {
  MeasuredRuns measured{.base = find_gpu("rtx-5090"), .file = "published"};
  for (const auto& [frames, seconds] : {std::pair<int64_t, double>{25, 20.3}, {49, 40.6}, {81, 80.9}}) {
    measured.runs.push_back(run_of(frames, seconds, 4));
    measured.runs.back().request.formats.weights = Format::fp8;
  }
  const Fit fit = fit_runs(measured);
  EXPECT_FALSE(fit.ratio_fixed);
  const ClipRequest longest = run_of(161, 1, 4).request;
  EXPECT_NEAR(forecast(measured, fit, longest), 246.5, 0.03 * 246.5);
  const Gpu gpu = read_catalogue(Yaml::parse(yaml_of(measured, fit), "gpu.yaml"), gpu_catalogue()).front();
  const ClipPlan plan = plan_clip(check_clip(longest), gpu);
  EXPECT_LT(plan.low, 2 * 246.5);
  EXPECT_GT(plan.high, 2 * 246.5);
  EXPECT_NEAR(plan.denoise[0].overhead_seconds, fit.law.pass_overhead, 1e-6);
  EXPECT_EQ(plan.stages[0].seconds, 0);  // text is in the overhead
}

// Single forwards of PyTorch on an H200, as it comes and compiled.
TEST(Calibrate, ForwardsOfPyTorch) {
  const std::pair<std::vector<double>, double> cases[] = {{{2.612, 6.623, 14.56}, 47.9},
                                                          {{2.251, 5.996, 13.57}, 45.93}};
  for (const auto& [seconds, wanted] : cases) {
    MeasuredRuns measured{.base = find_gpu("h200"), .file = "measured"};
    const int64_t frames[] = {25, 49, 81};
    for (size_t i = 0; i < 3; ++i) measured.runs.push_back(run_of(frames[i], seconds[i], 1));
    EXPECT_NEAR(forecast(measured, fit_runs(measured), run_of(161, 1, 1).request), wanted, 0.03 * wanted);
  }
}

struct Law {
  const char* gpu;
  const char* model;
  int64_t width, height;
  double overhead, scale, ratio;
};

// Times made by a law that is known, at three lengths where the overhead is small beside the shortest run and
// at four where it is not: what is forecast at twice the longest clip is the law's own.
TEST(Calibrate, KnownLawsComeBack) {
  const Law laws[] = {{"rtx-5090", "wan2.2-t2v-a14b", 832, 1216, 8, 1.1, 1.0},
                      {"rtx-5090", "wan2.2-t2v-a14b", 832, 1216, 0, 0.6, 1.6},
                      {"rtx-4090", "wan2.2-t2v-a14b", 1280, 720, 25, 0.8, 0.7},
                      {"h100", "wan2.2-ti2v-5b", 1280, 704, 3, 1.3, 1.3},
                      {"rtx-3090", "wan2.1-t2v-1.3b", 832, 480, 5, 0.9, 0.8}};
  for (const Law& law : laws) {
    Gpu truth = find_gpu(law.gpu);
    truth.calibration = Calibration{.rate_scale = law.scale, .attention_ratio = law.ratio};
    MeasuredRuns measured{.base = find_gpu(law.gpu), .file = "synthetic"};
    const auto pass = [&](int64_t frames) {
      const ClipRequest request{
          .model = law.model, .width = law.width, .height = law.height, .frames = frames, .steps = 2};
      const CheckedClip clip = check_clip(request);
      double forwards = 0;
      for (const ExpertPass& p : clip.passes) forwards += p.forwards;
      forwards /= static_cast<double>(clip.passes.size());
      return MeasuredRun{request, law.overhead + forwards * price_graph(clip.forward(), truth, {}).seconds};
    };
    for (const int64_t frames : {25, 49, 81}) measured.runs.push_back(pass(frames));
    if (law.overhead > 0.1 * measured.runs.back().pass_seconds) measured.runs.push_back(pass(121));
    const Fit fit = fit_runs(measured);
    const MeasuredRun wanted = pass(measured.runs.size() == 3 ? 161 : 241);
    double predicted = fit.law.pass_overhead;
    Gpu fitted = measured.base;
    fitted.calibration = fit.law;
    const CheckedClip clip = check_clip(wanted.request);
    predicted += clip.passes[0].forwards * price_graph(clip.forward(), fitted, {}).seconds;
    EXPECT_NEAR(predicted, wanted.pass_seconds, 0.01 * wanted.pass_seconds)
        << law.gpu << " " << law.ratio << " fitted " << fit.law.attention_ratio;
  }
}

TEST(Calibrate, FewRunsFixWhatTheyCannotTell) {
  MeasuredRuns two{.base = find_gpu("h200")};
  two.runs = {run_of(25, 2.612, 1), run_of(81, 14.56, 1)};
  const Fit of_two = fit_runs(two);
  EXPECT_TRUE(of_two.ratio_fixed);
  EXPECT_FALSE(of_two.overhead_fixed);
  EXPECT_EQ(of_two.law.attention_ratio, 1);
  EXPECT_NEAR(of_two.runs[0].predicted, 2.612,
              0.02);  // two times, two unknowns, unless the overhead would be negative

  MeasuredRuns one{.base = find_gpu("h200")};
  one.runs = {run_of(81, 14.56, 1)};
  const Fit of_one = fit_runs(one);
  EXPECT_TRUE(of_one.overhead_fixed);
  EXPECT_NEAR(of_one.runs[0].predicted, 14.56, 1e-6);

  MeasuredRuns alike{.base = find_gpu("h200")};
  alike.runs = {run_of(73, 12.4, 1), run_of(77, 13.4, 1), run_of(81, 14.56, 1)};
  EXPECT_TRUE(fit_runs(alike).ratio_fixed);
  // What is fixed is not known: the range of a long clip is wider than with three lengths.
  EXPECT_GT(fit_runs(alike).law.covariance[8], 0.01);
}

TEST(Calibrate, BadFilesNameLineAndField) {
  const std::string good =
      "gpu: h200\nruns:\n- {model: wan2.2-t2v-a14b, size: 832x1216, frames: 25, steps: 1, pass_seconds: "
      "2.6}\n";
  const auto error_of = [](const std::string& text) -> std::string {
    try {
      read_runs(Yaml::parse(text, "runs.yaml"));
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return error_of(text);
  };
  EXPECT_EQ(error_of(good), "");
  EXPECT_THAT(changed("h200", "h2000"), testing::AllOf(HasSubstr("runs.yaml:1"), HasSubstr("h200")));
  EXPECT_THAT(changed("t2v-a14b", "t2v-14b"), testing::AllOf(HasSubstr("runs.yaml:3"), HasSubstr("a14b")));
  EXPECT_THAT(changed("2.6", "-2.6"), HasSubstr("above 0"));
  EXPECT_THAT(changed("2.6", "0"), HasSubstr("above 0"));
  EXPECT_THAT(changed("2.6", "fast"), HasSubstr("a number"));
  EXPECT_THAT(changed(", pass_seconds: 2.6", ""), HasSubstr("either"));
  EXPECT_THAT(changed("pass_seconds: 2.6", "pass_seconds: 2.6, total_seconds: 2.6"), HasSubstr("either"));
  EXPECT_THAT(changed("steps:", "stepz:"), HasSubstr("steps"));
  EXPECT_THAT(changed("frames: 25", "frames: 26"), HasSubstr("25"));
  EXPECT_THAT(changed("832x1216", "832*1216"), HasSubstr("832x1216"));
  EXPECT_THAT(changed("steps: 1", "steps: 1, dtype: bf17"), HasSubstr("bf16"));
  EXPECT_THAT(changed("steps: 1", "steps: 1, budget: 0"), HasSubstr("above 0"));
  EXPECT_THAT(error_of("gpu: h200\nruns: []\n"), HasSubstr("1 to 100"));
  const std::string line = good.substr(good.find("- "));
  EXPECT_THAT(error_of(good + line), HasSubstr("twice"));
  std::string other = line;
  other.replace(other.find("2.6"), 3, "9.9");
  EXPECT_THAT(error_of(good + other), HasSubstr("contradicts"));
}

}  // namespace
}  // namespace zoetrope
