// The config of a Llama-architecture language model, as transformers 4 and 5 write it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/json.h"

namespace zoetrope::llama {

// Llama 3.1's stretching of the slow rotary frequencies.
struct RopeScaling {
  double factor = 1, low_freq_factor = 1, high_freq_factor = 4;
  int64_t original_positions = 8192;
};

struct Config {
  int64_t vocab_size, hidden_size, intermediate_size, layers, heads, kv_heads, head_dim;
  int64_t max_positions = 2048;
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000;
  std::optional<RopeScaling> rope_scaling;
  bool tied = false, attention_bias = false, mlp_bias = false;
};

// Throws InputError naming file and field where a value is missing, out of range, unknown, or spelled in two
// ways that disagree.
Config read_config(const Json& config);

}  // namespace zoetrope::llama
