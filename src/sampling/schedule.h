// From scheduler_config.json and a number of steps to the noise levels of a run, as diffusers has them
// (FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler with flow sigmas; version 0.42).
//
// Flow matching: sample = (1 - sigma) * clean + sigma * noise, the model predicts noise - clean, and its
// timestep is sigma * num_train_timesteps.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace zoetrope {

enum class SamplerKind { euler, unipc };
std::string_view name_of(SamplerKind kind);  // "euler", "unipc"

struct SchedulerConfig {
  SamplerKind sampler = SamplerKind::unipc;
  int num_train_timesteps = 1000;
  double shift = 1;  // "shift" (Euler), "flow_shift" (UniPC)
  // UniPC alone:
  int solver_order = 2;                // 1 to 3
  std::vector<int> disable_corrector;  // steps whose result the next step does not correct
  bool final_sigma_zero = true;        // else the last sigma stands twice
};

// Throws InputError where the file names another class, or a field has a value that would change the result
// and is not supported, naming the field. Fields that diffusers does not know are passed over, as there.
SchedulerConfig read_scheduler_config(const std::filesystem::path& file);
SchedulerConfig read_scheduler_config(const Json& json);

struct Schedule {
  int num_train_timesteps = 1000;
  // What the model is given at each step. UniPC's are whole numbers (cut off, not rounded: the first is 999),
  // Euler's are float32 values (the first is 1000).
  std::vector<double> timesteps;  // (steps)
  bool whole_timesteps = false;
  std::vector<float> sigmas;  // (steps + 1), falling; the last is 0 (or the one before it)

  int steps() const { return static_cast<int>(timesteps.size()); }
};

// Throws UsageError for steps outside 1 ... 1000, a shift that is no number within (0, 1000], or a pair of
// them whose noise levels can't be told apart in float32.
Schedule make_schedule(const SchedulerConfig& config, int steps);

}  // namespace zoetrope
