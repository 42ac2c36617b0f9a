// The config of a Wan transformer, in diffusers' words or the original repository's.
#pragma once

#include <cstdint>

#include "base/json.h"

namespace zoetrope::wan {

struct Config {
  int64_t in_channels = 16, out_channels = 16;
  int64_t heads = 40, head_dim = 128, layers = 40;
  int64_t ffn = 13824, text_width = 4096, freq_dim = 256;
  int64_t patch_t = 1, patch_h = 2, patch_w = 2;
  int64_t rope_positions = 1024;  // most patches along an axis
  bool cross_norm = true;
  double eps = 1e-6;

  int64_t width() const { return heads * head_dim; }
};

// Keys left out have the reference's defaults. Throws InputError naming file and field.
Config read_config(const Json& config);

}  // namespace zoetrope::wan
