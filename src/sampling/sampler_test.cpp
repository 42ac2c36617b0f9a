// Schedules and samplers against diffusers: goldens/<case>.safetensors, made by reference.py.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <map>

#include "base/error.h"
#include "formats/safetensors.h"
#include "sampling/euler.h"
#include "sampling/schedule.h"
#include "sampling/unipc.h"

namespace zoetrope {
namespace {

using testing::HasSubstr;

const fs::path kGoldens = fs::path(ZT_SOURCE_DIR) / "src/sampling/goldens";

struct Golden {
  explicit Golden(const fs::path& path) : tensors(load_safetensors(path)) {
    const SafetensorsFile file(path);
    config = read_scheduler_config(Json::parse(file.metadata().at("scheduler_config"), path.string()));
    steps = std::stoi(file.metadata().at("steps"));
  }
  std::span<const float> f32(const char* name) const { return tensors.at(name).f32(); }

  TensorMap tensors;
  SchedulerConfig config;
  int steps = 0;
};

std::vector<fs::path> golden_files() {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(kGoldens)) out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

double relative_l2(std::span<const float> a, std::span<const float> b) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(double{a[i]} - b[i], 2);
    norm += std::pow(double{b[i]}, 2);
  }
  return std::sqrt(difference / norm);
}

// The largest relative distance of any step's sample from the golden. Each step is compared with the history
// that our own earlier steps left.
double largest_distance(const Golden& golden, const std::vector<StepCombination>& steps) {
  const auto outputs = golden.f32("model_outputs"), samples = golden.f32("samples");
  std::vector<float> sample(golden.f32("sample").begin(), golden.f32("sample").end());
  std::vector<std::vector<float>> history;
  double largest = 0;
  const size_t n = sample.size();
  for (size_t i = 0; i < steps.size(); ++i) {
    apply(steps[i], outputs.subspan(i * n, n), sample, history);
    largest = std::max(largest, relative_l2(sample, samples.subspan(i * n, n)));
  }
  return largest;
}

// The reference computes a step's factors and its sums in float32: some ten roundings of 2^-24 each a step,
// carried on by the steps after it. Ours are rounded once a step. Hence a few 1e-7 a step, growing like the
// root of their number.
double tolerance(int steps) { return 4e-7 * std::sqrt(static_cast<double>(steps)) + 2e-7; }

class SamplerGolden : public testing::TestWithParam<fs::path> {};

TEST_P(SamplerGolden, ScheduleIsTheReferences) {
  const Golden golden(GetParam());
  const Schedule schedule = make_schedule(golden.config, golden.steps);
  const HostTensor& timesteps = golden.tensors.at("timesteps");
  ASSERT_EQ(schedule.steps(), timesteps.elements());
  EXPECT_EQ(schedule.whole_timesteps, timesteps.dtype() == DType::i64);
  const HostTensor wide = timesteps.to_f32();
  for (int i = 0; i < schedule.steps(); ++i)
    EXPECT_EQ(schedule.timesteps[static_cast<size_t>(i)], wide.f32()[static_cast<size_t>(i)]) << i;
  const auto sigmas = golden.f32("sigmas");
  ASSERT_EQ(schedule.sigmas.size(), sigmas.size());
  for (size_t i = 0; i < sigmas.size(); ++i) EXPECT_EQ(schedule.sigmas[i], sigmas[i]) << i;
}

TEST_P(SamplerGolden, StepsAreTheReferences) {
  const Golden golden(GetParam());
  const Schedule schedule = make_schedule(golden.config, golden.steps);
  const double distance = largest_distance(golden, sampler_steps(schedule, golden.config));
  EXPECT_LT(distance, tolerance(golden.steps));
  RecordProperty("distance", fmt::format("{:.1e}", distance));
}

// A golden counts only if it fails on mistakes.
TEST_P(SamplerGolden, PlantedFaultsAreCaught) {
  const Golden golden(GetParam());
  const Schedule right = make_schedule(golden.config, golden.steps);
  auto distance = [&](const Schedule& schedule, const SchedulerConfig& config) {
    return largest_distance(golden, sampler_steps(schedule, config));
  };
  const double enough = 10 * tolerance(golden.steps);
  if (golden.steps > 1) {
    SchedulerConfig other_shift = golden.config;
    other_shift.shift *= 1.01;
    EXPECT_GT(distance(make_schedule(other_shift, golden.steps), golden.config), enough)
        << "shift off by 1 %";
    // Every level but the first taken from the next index.
    Schedule off_by_one = right;
    const auto last = static_cast<size_t>(golden.steps) - 1;
    for (size_t i = 1; i < last; ++i) off_by_one.sigmas[i] = right.sigmas[i + 1];
    off_by_one.sigmas[last] = right.sigmas[last] / 2;
    if (!golden.config.final_sigma_zero) off_by_one.sigmas[last + 1] = off_by_one.sigmas[last];
    EXPECT_GT(distance(off_by_one, golden.config), enough) << "sigma off by one";
    std::vector<StepCombination> skipped = sampler_steps(right, golden.config);
    skipped[skipped.size() / 2] = {StepCombination::Row(skipped[0].next_sample.size()), {}};
    skipped[skipped.size() / 2].next_sample[0] = 1;
    EXPECT_GT(largest_distance(golden, skipped), enough) << "a step skipped";
  }
  std::vector<StepCombination> gain = sampler_steps(right, golden.config);
  for (double& weight : gain[0].next_sample) weight *= 1.02;
  EXPECT_GT(largest_distance(golden, gain), enough) << "a gain of 1.02";
  if (golden.config.sampler == SamplerKind::unipc && golden.steps > 2) {
    SchedulerConfig other = golden.config;
    other.solver_order = other.solver_order == 1 ? 2 : 1;
    EXPECT_GT(distance(right, other), enough) << "another order";
    other = golden.config;
    for (int i = 0; i < golden.steps; ++i) other.disable_corrector.push_back(i);
    EXPECT_GT(distance(right, other), enough) << "no corrector";
  }
}

// What a device does: the matrix in float32, summed in float32.
TEST_P(SamplerGolden, TheMatrixSaysTheSame) {
  const Golden golden(GetParam());
  const auto steps = sampler_steps(make_schedule(golden.config, golden.steps), golden.config);
  const auto outputs = golden.f32("model_outputs"), samples = golden.f32("samples");
  const size_t n = golden.f32("sample").size(), columns = steps[0].next_sample.size();
  std::vector<std::vector<float>> values(columns, std::vector<float>(n));
  values[0].assign(golden.f32("sample").begin(), golden.f32("sample").end());
  for (size_t i = 0; i < steps.size(); ++i) {
    values[1].assign(outputs.begin() + static_cast<std::ptrdiff_t>(i * n),
                     outputs.begin() + static_cast<std::ptrdiff_t>((i + 1) * n));
    const std::vector<float> matrix = steps[i].matrix();
    auto next = values;
    for (size_t row = 0; row + 1 < columns; ++row)
      for (size_t e = 0; e < n; ++e) {
        float sum = 0;
        for (size_t k = 0; k < columns; ++k) sum += matrix[row * columns + k] * values[k][e];
        next[row == 0 ? 0 : row + 1][e] = sum;
      }
    values = next;
    // Five products of values as large as the sums: each adds a rounding.
    EXPECT_LT(relative_l2(values[0], samples.subspan(i * n, n)), 2 * tolerance(golden.steps)) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, SamplerGolden, testing::ValuesIn(golden_files()), [](const auto& info) {
  std::string name = info.param.stem().string();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

TEST(Sampler, GoldensAreThere) { EXPECT_GE(golden_files().size(), 25u); }

// The last step lands on the model's own prediction of the clean sample.
TEST(Sampler, TheLastStepIsThePrediction) {
  SchedulerConfig config;
  config.shift = 3;
  const Schedule schedule = make_schedule(config, 8);
  const auto steps = unipc_steps(schedule, config);
  const auto& last = steps.back();
  EXPECT_EQ(last.next_sample[0], 1);
  EXPECT_EQ(last.next_sample[1], -double{schedule.sigmas[7]});
  for (size_t k = 2; k < last.next_sample.size(); ++k) EXPECT_EQ(last.next_sample[k], 0);
}

// With the true velocity of one straight path every sampler must arrive at its end, for any number of steps.
TEST(Sampler, AStraightPathIsFollowedToItsEnd) {
  for (const SamplerKind kind : {SamplerKind::euler, SamplerKind::unipc})
    for (int steps : {1, 2, 3, 5, 25, 200}) {
      SchedulerConfig config;
      config.sampler = kind;
      config.shift = 5;
      const Schedule schedule = make_schedule(config, steps);
      const float clean = 0.75f, noise = -1.5f, velocity = noise - clean;
      std::vector<float> sample{(1 - schedule.sigmas[0]) * clean + schedule.sigmas[0] * noise};
      std::vector<std::vector<float>> history;
      for (const StepCombination& step : sampler_steps(schedule, config))
        apply(step, std::span(&velocity, 1), sample, history);
      EXPECT_NEAR(sample[0], clean, 1e-6 * std::sqrt(steps)) << name_of(kind) << " " << steps;
    }
}

std::string refusal(const std::string& text) {
  try {
    read_scheduler_config(Json::parse(text, "scheduler_config.json"));
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("scheduler_config.json"));
    return error.what();
  }
  ADD_FAILURE() << "was accepted: " << text;
  return "";
}

TEST(SchedulerConfig, WhatIsNotSupportedIsNamed) {
  EXPECT_THAT(refusal("{}"), HasSubstr("'_class_name' is missing"));
  EXPECT_THAT(refusal(R"({"_class_name": "DDIMScheduler"})"), HasSubstr("'DDIMScheduler' is not supported"));
  EXPECT_THAT(refusal(R"({"_class_name": 3})"), HasSubstr("_class_name"));
  const std::string euler = R"({"_class_name": "FlowMatchEulerDiscreteScheduler", )";
  for (const char* field : {"use_dynamic_shifting", "invert_sigmas", "use_karras_sigmas",
                            "use_exponential_sigmas", "use_beta_sigmas", "stochastic_sampling"})
    EXPECT_THAT(refusal(euler + "\"" + field + "\": true}"), HasSubstr(field));
  EXPECT_THAT(refusal(euler + R"("shift_terminal": 0.1})"), HasSubstr("shift_terminal"));
  for (const char* shift : {"0", "-1", "1e9", "\"3\"", "[3]"})
    EXPECT_THAT(refusal(euler + "\"shift\": " + shift + "}"), HasSubstr("shift")) << shift;
  EXPECT_THAT(refusal(euler + R"("num_train_timesteps": 0})"), HasSubstr("num_train_timesteps"));
  const std::string bare = R"({"_class_name": "UniPCMultistepScheduler")";
  EXPECT_THAT(refusal(bare + "}"), HasSubstr("prediction_type"));
  EXPECT_THAT(refusal(bare + R"(, "prediction_type": "flow_prediction"})"), HasSubstr("use_flow_sigmas"));
  const std::string unipc = bare + R"(, "prediction_type": "flow_prediction", "use_flow_sigmas": true, )";
  const std::pair<const char*, const char*> fields[] = {{"thresholding", "true"},
                                                        {"use_karras_sigmas", "true"},
                                                        {"use_exponential_sigmas", "true"},
                                                        {"use_beta_sigmas", "true"},
                                                        {"use_dynamic_shifting", "true"},
                                                        {"shift_terminal", "0.1"},
                                                        {"predict_x0", "false"},
                                                        {"solver_p", "\"x\""},
                                                        {"solver_order", "4"},
                                                        {"solver_order", "0"},
                                                        {"solver_type", "\"bh1\""},
                                                        {"lower_order_final", "false"},
                                                        {"final_sigmas_type", "\"one\""},
                                                        {"flow_shift", "0"},
                                                        {"disable_corrector", "[\"a\"]"}};
  for (const auto& [field, value] : fields)
    EXPECT_THAT(refusal(unipc + "\"" + field + "\": " + value + "}"), HasSubstr(field)) << field;
}

TEST(SchedulerConfig, UnknownFieldsArePassedOver) {
  const SchedulerConfig config = read_scheduler_config(Json::parse(
      R"({"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 7, "colour": "blue"})", "x"));
  EXPECT_EQ(config.shift, 7);
  EXPECT_EQ(config.sampler, SamplerKind::euler);
}

TEST(Schedule, ArgumentsThatMakeNoSense) {
  SchedulerConfig config;
  for (int steps : {0, -1, 1001}) EXPECT_THROW(make_schedule(config, steps), UsageError);
  for (double shift : {0.0, -1.0, 1e9, std::nan("")}) {
    config.shift = shift;
    EXPECT_THROW(make_schedule(config, 10), UsageError);
  }
  for (const SamplerKind kind : {SamplerKind::euler, SamplerKind::unipc})
    for (double shift : {0.01, 1.0, 3.0, 100.0})
      for (int steps : {1, 2, 50, 1000}) {
        config.sampler = kind;
        config.shift = shift;
        try {
          for (const StepCombination& step : sampler_steps(make_schedule(config, steps), config))
            for (double weight : step.next_sample) ASSERT_TRUE(std::isfinite(weight));
        } catch (const UsageError& error) {
          EXPECT_THAT(error.what(), HasSubstr("--shift"));
        }
      }
}

}  // namespace
}  // namespace zoetrope
