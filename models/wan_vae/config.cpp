#include "config.h"

#include <cmath>

#include "base/error.h"
#include "formats/config_fields.h"

namespace zoetrope::wan_vae {
namespace {

const Json* given(const Json& config, std::string_view key) {
  const Json* field = config.find(key);
  return field && !field->is_null() ? field : nullptr;
}

std::vector<float> read_statistics(const Json& config, std::string_view key, int64_t channels,
                                   bool positive_only) {
  std::vector<float> values;
  const Json* list = given(config, key);
  if (!list) return values;
  for (const Json& value : list->as_array()) {
    const double number = value.as_number();
    if (!std::isfinite(number) || (positive_only && number <= 0))
      throw InputError("must be a finite positive number", value.where());
    values.push_back(static_cast<float>(number));
  }
  if (static_cast<int64_t>(values.size()) != channels)
    throw InputError("must have as many numbers as z_dim (" + std::to_string(channels) + ")", list->where());
  return values;
}

void read_levels(const Json& config, Config& out) {
  if (const Json* list = given(config, "dim_mult")) {
    out.multipliers.clear();
    for (const Json& value : list->as_array()) {
      out.multipliers.push_back(value.as_integer());
      if (out.multipliers.back() < 1 || out.multipliers.back() > 64)
        throw InputError("must be between 1 and 64", value.where());
    }
    if (out.multipliers.empty() || out.multipliers.size() > 8)
      throw InputError("must have 1 to 8 numbers", list->where());
  }
  if (const Json* list = given(config, "temperal_downsample")) {
    out.temporal_down.clear();
    for (const Json& value : list->as_array()) out.temporal_down.push_back(value.as_bool());
  }
  if (out.temporal_down.size() + 1 < out.multipliers.size())
    throw InputError("temperal_downsample needs an entry for every level but the last", config.where());
  out.temporal_down.resize(out.multipliers.size() - 1);
}

}  // namespace

int64_t Config::temporal_factor() const {
  int64_t factor = 1;
  for (bool halves : temporal_down) factor *= halves ? 2 : 1;
  return factor;
}

int64_t Config::spatial_factor() const { return patch << (multipliers.size() - 1); }

Config read_config(const Json& config) {
  Config out;
  out.base = positive_field(config, "base_dim", 96);
  out.decoder_base = positive_field(config, "decoder_base_dim", out.base);
  out.z = positive_field(config, "z_dim", 16);
  out.res_blocks = layer_count(config, "num_res_blocks", 2);
  out.residual = config.bool_or("is_residual", false);
  out.in_channels = positive_field(config, "in_channels", 3);
  out.out_channels = positive_field(config, "out_channels", 3);
  out.patch = positive_field(config, "patch_size", 1);
  if (out.patch > 8) throw InputError("must be at most 8", config.at("patch_size").where());
  if (out.in_channels % (out.patch * out.patch) || out.out_channels % (out.patch * out.patch))
    throw InputError("in_channels and out_channels must be multiples of patch_size²", config.where());
  if (const Json* scales = given(config, "attn_scales"); scales && !scales->as_array().empty())
    throw InputError("attention outside the middle block is not supported", scales->where(),
                     "the public files have an empty list");
  read_levels(config, out);
  if (out.temporal_factor() > 4)
    throw InputError("more than two levels that halve time are not supported", config.where());
  out.latents_mean = read_statistics(config, "latents_mean", out.z, false);
  out.latents_std = read_statistics(config, "latents_std", out.z, true);
  if (out.latents_mean.empty() != out.latents_std.empty())
    throw InputError("latents_mean and latents_std must both be there, or neither", config.where());
  return out;
}

}  // namespace zoetrope::wan_vae
