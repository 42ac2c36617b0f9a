// The config of a Wan 2.1 or 2.2 autoencoder, as diffusers writes it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/json.h"

namespace zoetrope::wan_vae {

struct Config {
  int64_t base = 96, decoder_base = 96, z = 16, res_blocks = 2;
  std::vector<int64_t> multipliers = {1, 2, 4, 4};
  std::vector<bool> temporal_down = {false, true, true};  // one a level but the last
  bool residual = false;                                  // 2.2: whole-level shortcuts
  int64_t in_channels = 3, out_channels = 3, patch = 1;
  std::vector<float> latents_mean, latents_std;

  int64_t temporal_factor() const;
  int64_t spatial_factor() const;
};

// Keys left out have the reference's defaults. Throws InputError naming file and field.
Config read_config(const Json& config);

}  // namespace zoetrope::wan_vae
