#include "sampling/schedule.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "base/error.h"

namespace zoetrope {
namespace {

constexpr int kMostSteps = 1000;
constexpr double kMostShift = 1000;

// count values from start to stop, both included, in the order of operations of numpy.linspace.
std::vector<double> linspace(double start, double stop, int count) {
  std::vector<double> out(static_cast<size_t>(count), start);
  if (count == 1) return out;
  const double step = (stop - start) / (count - 1);
  for (int i = 0; i < count; ++i) out[static_cast<size_t>(i)] = i * step + start;
  out.back() = stop;
  return out;
}

template <class Real>
Real shifted(Real sigma, double shift) {
  return static_cast<Real>(shift) * sigma / (Real{1} + static_cast<Real>(shift - 1) * sigma);
}

[[noreturn]] void not_supported(const Json& config, std::string_view field, const std::string& what) {
  const Json* value = config.find(field);
  throw InputError(what, (value ? value->where() : config.where() + ": field '" + std::string(field) + "'"),
                   "use the scheduler that the model was published with");
}

void must_be_off(const Json& config, std::initializer_list<std::string_view> fields) {
  for (std::string_view field : fields) {
    const Json* value = config.find(field);
    if (!value || value->is_null()) continue;
    const bool off = value->is_bool() ? !value->as_bool() : value->is_number() && value->as_number() == 0;
    if (!off) not_supported(config, field, "this setting is not supported");
  }
}

void read_common(const Json& json, std::string_view shift_field, SchedulerConfig& out) {
  const int64_t train = json.integer_or("num_train_timesteps", 1000);
  if (train < 1 || train > 1'000'000)
    not_supported(json, "num_train_timesteps", "should be a number from 1 to 1000000");
  out.num_train_timesteps = static_cast<int>(train);
  out.shift = json.number_or(shift_field, 1);
  if (!(out.shift > 0 && out.shift <= kMostShift))
    not_supported(json, shift_field, "should be above 0 and at most 1000");
}

SchedulerConfig read_euler(const Json& json) {
  SchedulerConfig out;
  out.sampler = SamplerKind::euler;
  read_common(json, "shift", out);
  must_be_off(json, {"use_dynamic_shifting", "invert_sigmas", "shift_terminal", "use_karras_sigmas",
                     "use_exponential_sigmas", "use_beta_sigmas", "stochastic_sampling"});
  return out;
}

SchedulerConfig read_unipc(const Json& json) {
  SchedulerConfig out;
  out.sampler = SamplerKind::unipc;
  read_common(json, "flow_shift", out);
  if (json.string_or("prediction_type", "epsilon") != "flow_prediction")
    not_supported(json, "prediction_type",
                  "only 'flow_prediction' is supported (left out it means 'epsilon')");
  if (!json.bool_or("use_flow_sigmas", false))
    not_supported(json, "use_flow_sigmas", "only true is supported (left out it means false)");
  must_be_off(json, {"thresholding", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas",
                     "use_dynamic_shifting", "shift_terminal"});
  if (!json.bool_or("predict_x0", true)) not_supported(json, "predict_x0", "only true is supported");
  if (const Json* other = json.find("solver_p"); other && !other->is_null())
    not_supported(json, "solver_p", "another predictor is not supported");
  const int64_t order = json.integer_or("solver_order", 2);
  if (order < 1 || order > 3) not_supported(json, "solver_order", "should be 1, 2 or 3");
  out.solver_order = static_cast<int>(order);
  // The reference takes the last three for bh2. bh1 divides by infinity at the last step of a flow schedule.
  const std::string type = json.string_or("solver_type", "bh2");
  if (type != "bh2" && type != "midpoint" && type != "heun" && type != "logrho")
    not_supported(json, "solver_type", "only 'bh2' is supported");
  // Without it the last step, to sigma 0, would be of an order that has no finite result.
  if (!json.bool_or("lower_order_final", true) && order > 1)
    not_supported(json, "lower_order_final", "only true is supported");
  const std::string last = json.string_or("final_sigmas_type", "zero");
  if (last != "zero" && last != "sigma_min")
    not_supported(json, "final_sigmas_type", "should be 'zero' or 'sigma_min'");
  out.final_sigma_zero = last == "zero";
  if (const Json* steps = json.find("disable_corrector"); steps && !steps->is_null())
    for (const Json& step : steps->as_array()) {
      const int64_t index = step.as_integer();
      if (index >= 0 && index < kMostSteps) out.disable_corrector.push_back(static_cast<int>(index));
    }
  return out;
}

// The levels are twice shifted: the smallest is taken from a table that is, and all are then shifted. So it
// is in the reference, and models are published with shifts that were chosen for it.
void euler_levels(const SchedulerConfig& config, int steps, Schedule& out) {
  const auto train = static_cast<float>(config.num_train_timesteps);
  const float largest = shifted(train / train, config.shift), smallest = shifted(1.0f / train, config.shift);
  const double scale = config.num_train_timesteps;
  for (double timestep : linspace(double{largest} * scale, double{smallest} * scale, steps)) {
    const auto sigma = static_cast<float>(shifted(timestep / scale, config.shift));
    out.sigmas.push_back(sigma);
    out.timesteps.push_back(sigma * train);
  }
  out.sigmas.push_back(0);
}

void unipc_levels(const SchedulerConfig& config, int steps, Schedule& out) {
  constexpr double kNearOne =
      1e-6;  // the first level stays this far from 1, where its logarithm would be infinite
  std::vector<double> levels = linspace(1, 1.0 / config.num_train_timesteps, steps + 1);
  levels.pop_back();
  for (double& level : levels) level = shifted(level, config.shift);
  if (std::abs(levels[0] - 1) < kNearOne) levels[0] -= kNearOne;
  for (double level : levels) {
    out.sigmas.push_back(static_cast<float>(level));
    out.timesteps.push_back(std::trunc(level * config.num_train_timesteps));
  }
  out.whole_timesteps = true;
  out.sigmas.push_back(config.final_sigma_zero ? 0 : out.sigmas.back());
}

}  // namespace

std::string_view name_of(SamplerKind kind) { return kind == SamplerKind::euler ? "euler" : "unipc"; }

SchedulerConfig read_scheduler_config(const std::filesystem::path& file) {
  return read_scheduler_config(Json::parse_file(file.string(), 1 << 20));
}

SchedulerConfig read_scheduler_config(const Json& json) {
  const std::string& name = json.at("_class_name").as_string();
  if (name == "FlowMatchEulerDiscreteScheduler") return read_euler(json);
  if (name == "UniPCMultistepScheduler") return read_unipc(json);
  not_supported(json, "_class_name",
                "the scheduler '" + printable(name, 100) +
                    "' is not supported; FlowMatchEulerDiscreteScheduler and UniPCMultistepScheduler are");
}

Schedule make_schedule(const SchedulerConfig& config, int steps) {
  if (steps < 1 || steps > kMostSteps)
    throw UsageError(
        std::to_string(steps) + " is not a number of steps from 1 to " + std::to_string(kMostSteps),
        "--steps");
  if (!(config.shift > 0 && config.shift <= kMostShift))
    throw UsageError("the shift should be above 0 and at most 1000", "--shift");
  Schedule out;
  out.num_train_timesteps = config.num_train_timesteps;
  if (config.sampler == SamplerKind::euler)
    euler_levels(config, steps, out);
  else
    unipc_levels(config, steps, out);
  // The last level may stand twice (final_sigmas_type sigma_min); all others must fall.
  for (size_t i = 1; i < out.sigmas.size(); ++i) {
    const bool may_repeat = i + 1 == out.sigmas.size() && !config.final_sigma_zero;
    if (out.sigmas[i] > out.sigmas[i - 1] || (out.sigmas[i] == out.sigmas[i - 1] && !may_repeat))
      throw UsageError("with a shift of " + std::to_string(config.shift) + " the noise levels of " +
                           std::to_string(steps) + " steps can't be told apart",
                       "--shift", "use a smaller shift or fewer steps");
  }
  return out;
}

}  // namespace zoetrope
