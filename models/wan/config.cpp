#include "config.h"

#include <cmath>

#include "base/error.h"
#include "formats/config_fields.h"

namespace zoetrope::wan {
namespace {

void read_patch(const Json& config, Config& out) {
  const Json* patch = config.find("patch_size");
  if (!patch || patch->is_null()) return;
  if (patch->as_array().size() != 3)
    throw InputError("must be three numbers: frames, rows, columns", patch->where());
  int64_t* const sides[] = {&out.patch_t, &out.patch_h, &out.patch_w};
  for (size_t i = 0; i < 3; ++i) {
    *sides[i] = patch->as_array()[i].as_integer();
    if (*sides[i] < 1 || *sides[i] > 64)
      throw InputError("must be between 1 and 64", patch->as_array()[i].where());
  }
}

Config read_original(const Json& config) {
  Config out;
  const std::string type = config.string_or("model_type", "t2v");
  if (type != "t2v" && type != "i2v" && type != "ti2v")
    throw InputError("model_type '" + type + "' is not supported", config.where(),
                     "supported are t2v, i2v and ti2v");
  const int64_t width = positive_field(config, "dim", 2048);
  out.heads = positive_field(config, "num_heads", 16);
  if (width % out.heads != 0) throw InputError("dim must be a multiple of num_heads", config.where());
  out.head_dim = width / out.heads;
  out.in_channels = positive_field(config, "in_dim", 16);
  out.out_channels = positive_field(config, "out_dim", 16);
  out.layers = layer_count(config, "num_layers", 32);
  out.ffn = positive_field(config, "ffn_dim", 8192);
  out.text_width = positive_field(config, "text_dim", 4096);
  out.freq_dim = positive_field(config, "freq_dim", 256);
  out.cross_norm = config.bool_or("cross_attn_norm", true);
  return out;
}

Config read_diffusers(const Json& config) {
  Config out;
  for (const char* key : {"image_dim", "added_kv_proj_dim"})
    if (const Json* field = config.find(key); field && !field->is_null())
      throw InputError("the CLIP image branch of Wan 2.1 image to video is not supported", field->where(),
                       "Wan 2.2 models have none");
  out.heads = positive_field(config, "num_attention_heads", 40);
  out.head_dim = positive_field(config, "attention_head_dim", 128);
  out.in_channels = positive_field(config, "in_channels", 16);
  const Json* out_channels = config.find("out_channels");
  const bool same = !out_channels || out_channels->is_null() || out_channels->as_integer() == 0;
  out.out_channels = !out_channels ? 16 : same ? out.in_channels : positive_field(config, "out_channels", 16);
  out.layers = layer_count(config, "num_layers", 40);
  out.ffn = positive_field(config, "ffn_dim", 13824);
  out.text_width = positive_field(config, "text_dim", 4096);
  out.freq_dim = positive_field(config, "freq_dim", 256);
  out.rope_positions = positive_field(config, "rope_max_seq_len", 1024);
  out.cross_norm = config.bool_or("cross_attn_norm", true);
  return out;
}

}  // namespace

Config read_config(const Json& config) {
  const bool original = config.has("dim") || config.string_or("_class_name", "") == "WanModel";
  Config out = original ? read_original(config) : read_diffusers(config);
  read_patch(config, out);
  out.eps = config.number_or("eps", 1e-6);
  if (!std::isfinite(out.eps) || out.eps < 0)
    throw InputError("must be zero or more", config.at("eps").where());
  if (out.head_dim % 2 != 0) throw InputError("the head dim must be even", config.where());
  return out;
}

}  // namespace zoetrope::wan
