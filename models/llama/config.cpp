#include "config.h"

#include <cmath>

#include "base/error.h"
#include "formats/config_fields.h"

namespace zoetrope::llama {
namespace {

double finite_positive(const Json& holder, std::string_view key, double fallback) {
  const double value = holder.number_or(key, fallback);
  if (!std::isfinite(value) || value <= 0)
    throw InputError("must be a positive number", holder.at(key).where());
  return value;
}

struct Rope {
  double theta;
  std::optional<RopeScaling> scaling;
  bool operator==(const Rope& other) const {
    if (theta != other.theta || scaling.has_value() != other.scaling.has_value()) return false;
    return !scaling || (scaling->factor == other.scaling->factor &&
                        scaling->low_freq_factor == other.scaling->low_freq_factor &&
                        scaling->high_freq_factor == other.scaling->high_freq_factor &&
                        scaling->original_positions == other.scaling->original_positions);
  }
};

std::optional<RopeScaling> read_scaling(const Json& section, int64_t max_positions) {
  const Json* type = section.find("rope_type");
  if (!type || type->is_null()) type = section.find("type");
  const std::string name = type && !type->is_null() ? type->as_string() : "default";
  if (name == "default") return std::nullopt;
  if (name != "llama3")
    throw InputError("the rope type '" + name + "' is not supported", section.where(),
                     "supported are default and llama3");
  RopeScaling scaling;
  section.at("factor");
  scaling.factor = finite_positive(section, "factor", 1);
  scaling.low_freq_factor = finite_positive(section, "low_freq_factor", 1);
  scaling.high_freq_factor = finite_positive(section, "high_freq_factor", 4);
  if (scaling.high_freq_factor <= scaling.low_freq_factor)
    throw InputError("high_freq_factor must be above low_freq_factor", section.where());
  scaling.original_positions = positive_field(section, "original_max_position_embeddings", max_positions);
  return scaling;
}

// transformers 4 has rope_theta and rope_scaling, transformers 5 has rope_parameters. Where both stand they
// must agree.
Rope read_rope(const Json& config, int64_t max_positions) {
  const Json* parameters = config.find("rope_parameters");
  const Json* scaling = config.find("rope_scaling");
  const Json* theta = config.find("rope_theta");
  auto given = [](const Json* field) { return field && !field->is_null(); };
  for (const Json* section : {parameters, scaling})
    if (given(section)) section->as_object();  // anything else has no fields, and would count as all defaults
  std::optional<Rope> old_spelling, new_spelling;
  if (given(parameters))
    new_spelling =
        Rope{finite_positive(*parameters, "rope_theta", given(theta) ? theta->as_number() : 10000.0),
             read_scaling(*parameters, max_positions)};
  if (given(scaling) || given(theta))
    old_spelling = Rope{given(theta)   ? finite_positive(config, "rope_theta", 10000.0)
                        : new_spelling ? new_spelling->theta
                                       : 10000.0,
                        given(scaling) ? read_scaling(*scaling, max_positions)
                        : new_spelling ? new_spelling->scaling
                                       : std::nullopt};
  if (old_spelling && new_spelling && !(*old_spelling == *new_spelling))
    throw InputError("rope_parameters disagrees with rope_theta and rope_scaling", config.where(),
                     "remove the spelling that is wrong");
  if (new_spelling) return *new_spelling;
  return old_spelling ? *old_spelling : Rope{10000.0, std::nullopt};
}

}  // namespace

Config read_config(const Json& config) {
  Config out;
  out.vocab_size = positive_field(config, "vocab_size", 32000);
  out.hidden_size = positive_field(config, "hidden_size", 4096);
  out.intermediate_size = positive_field(config, "intermediate_size", 11008);
  out.layers = layer_count(config, "num_hidden_layers", 32);
  out.heads = positive_field(config, "num_attention_heads", 32);
  out.kv_heads = positive_field(config, "num_key_value_heads", out.heads);
  out.head_dim = positive_field(config, "head_dim", out.hidden_size / out.heads);
  out.max_positions = positive_field(config, "max_position_embeddings", 2048);
  out.rms_norm_eps = finite_positive(config, "rms_norm_eps", 1e-6);
  out.tied = config.bool_or("tie_word_embeddings", false);
  out.attention_bias = config.bool_or("attention_bias", false);
  out.mlp_bias = config.bool_or("mlp_bias", false);
  const Rope rope = read_rope(config, out.max_positions);
  out.rope_theta = rope.theta;
  out.rope_scaling = rope.scaling;
  if (out.heads % out.kv_heads != 0)
    throw InputError("num_attention_heads must be a multiple of num_key_value_heads", config.where());
  if (out.head_dim % 2 != 0) throw InputError("head_dim must be even", config.where());
  const std::string act = config.string_or("hidden_act", "silu");
  if (act != "silu" && act != "swish")
    throw InputError("hidden_act '" + act + "' is not supported", config.where(), "supported is silu");
  return out;
}

}  // namespace zoetrope::llama
