// UMT5 encoder (Chung et al., 2023; T5 of Raffel et al., 2020): pre-norm, no scaling of scores, a relative
// position bias of its own in every layer, gated feed-forward. B batch, L tokens, D d_model, H heads, d d_kv,
// F d_ff, V vocabulary, N buckets.
#include "nn/model.h"

#include <fmt/format.h>

#include <cmath>

#include "formats/config_fields.h"
#include "ops/attention.h"
#include "ops/binary.h"
#include "ops/embedding.h"
#include "ops/gated_activation.h"
#include "ops/linear.h"
#include "ops/reshape.h"
#include "ops/rms_norm.h"
#include "ops/unary.h"

namespace zoetrope {
namespace umt5 {
namespace {

struct Config {
  int64_t vocab_size, d_model, d_kv, d_ff, layers, heads, buckets, max_distance;
  double eps;
  bool gated;
  UnaryKind activation;
};

Config read_config(const Json& config) {
  Config out{.vocab_size = positive_field(config, "vocab_size", 250112),
             .d_model = positive_field(config, "d_model", 512),
             .d_kv = positive_field(config, "d_kv", 64),
             .d_ff = positive_field(config, "d_ff", 1024),
             .layers = layer_count(config, "num_layers", 8),
             .heads = positive_field(config, "num_heads", 6),
             .buckets = positive_field(config, "relative_attention_num_buckets", 32),
             .max_distance = positive_field(config, "relative_attention_max_distance", 128),
             .eps = config.number_or("layer_norm_epsilon", 1e-6),
             .gated = true,
             .activation = UnaryKind::gelu_tanh};
  if (!std::isfinite(out.eps) || out.eps < 0)
    throw InputError("must be zero or more", config.at("layer_norm_epsilon").where());
  if (out.buckets < 4)
    throw InputError("must be at least 4", config.at("relative_attention_num_buckets").where());
  if (out.max_distance <= out.buckets / 4)
    throw InputError("relative_attention_max_distance must be above a quarter of the buckets",
                     config.where());
  const std::string projection = config.string_or("feed_forward_proj", "gated-gelu");
  if (projection == "gated-gelu") return out;
  if (projection == "gated-silu") {
    out.activation = UnaryKind::silu;
    return out;
  }
  out.gated = false;
  if (projection == "relu")
    out.activation = UnaryKind::relu;
  else if (projection == "gelu")
    out.activation = UnaryKind::gelu;
  else if (projection == "gelu_new")
    out.activation = UnaryKind::gelu_tanh;
  else
    throw InputError("feed_forward_proj '" + projection + "' is not supported", config.where(),
                     "the UMT5 files have gated-gelu");
  return out;
}

class Umt5 final : public TextEncoderModel {
 public:
  explicit Umt5(const Json& config) : config_(read_config(config)) {}

  int64_t vocabulary_size() const override { return config_.vocab_size; }
  int64_t width() const override { return config_.d_model; }

  WeightLayout layout(const TensorShapes& checkpoint) const override {
    WeightLayout layout{.name = "transformers"};
    // The embedding stands under one name or both; they are one matrix. ComfyUI's files carry the tokenizer
    // as a tensor.
    layout.ignored = {"encoder.embed_tokens.weight", "spiece_model", "scaled_fp8"};
    if (!checkpoint.contains("shared.weight") && checkpoint.contains("encoder.embed_tokens.weight")) {
      layout.rules["shared.weight"] = {{{"encoder.embed_tokens.weight"}}};
      layout.ignored.erase(layout.ignored.begin());
    }
    return layout;
  }

  std::vector<Graph> smallest_graphs() const override {
    std::vector<Graph> graphs;
    graphs.push_back(encode(1, 1));
    return graphs;
  }

  Graph encode(int64_t batch, int64_t length) const override {
    Graph g("umt5");
    Tensor ids = g.input("input_ids", DType::i32, {batch, length});        // (B, L)
    Tensor mask = g.input("attention_mask", DType::i32, {batch, length});  // (B, L)
    Tensor x =
        embedding(ids, g.parameter("shared.weight", {config_.vocab_size, config_.d_model}));  // (B, L, D)
    for (int64_t i = 0; i < config_.layers; ++i) {
      const std::string name = fmt::format("encoder.block.{}", i);
      Scope scope(g, name);
      x = self_attention(g, x, mask, name + ".layer.0");  // (B, L, D)
      x = feed_forward(g, x, name + ".layer.1");          // (B, L, D)
    }
    g.output("last_hidden_state", norm(g, x, "encoder.final_layer_norm.weight"));  // (B, L, D)
    return g;
  }

 private:
  Tensor norm(Graph& g, Tensor x, const std::string& name) const {
    return rms_norm(x, g.parameter(name, {config_.d_model}), static_cast<float>(config_.eps));
  }

  Tensor self_attention(Graph& g, Tensor x, Tensor mask, const std::string& name) const {
    const int64_t batch = x.dim(0), length = x.dim(1), inner = config_.heads * config_.d_kv;
    const Shape by_head = {batch, length, config_.heads, config_.d_kv};
    Tensor normed = norm(g, x, name + ".layer_norm.weight");  // (B, L, D)
    auto project = [&](const char* part) {
      return reshape(
          linear(normed, g.parameter(name + ".SelfAttention." + part + ".weight", {inner, config_.d_model})),
          by_head);
    };
    Tensor q = project("q"), k = project("k"), v = project("v");  // (B, L, H, d)
    AttentionOptions options{
        .scale = 1.0f, .bias_bidirectional = true, .bias_max_distance = config_.max_distance};
    options.key_mask = mask;
    options.bias_table = g.parameter(name + ".SelfAttention.relative_attention_bias.weight",
                                     {config_.buckets, config_.heads});           // (N, H)
    Tensor mixed = reshape(attention(q, k, v, options), {batch, length, inner});  // (B, L, H d)
    return linear(mixed, g.parameter(name + ".SelfAttention.o.weight", {config_.d_model, inner}), {},
                  x);  // (B, L, D)
  }

  Tensor feed_forward(Graph& g, Tensor x, const std::string& name) const {
    Tensor normed = norm(g, x, name + ".layer_norm.weight");  // (B, L, D)
    const std::string dense = name + ".DenseReluDense.";
    auto widen = [&](const char* part) {
      return linear(normed, g.parameter(dense + part, {config_.d_ff, config_.d_model}));
    };
    Tensor hidden = config_.gated
                        ? gated_activation(widen("wi_0.weight"), widen("wi_1.weight"), config_.activation)
                        : unary(config_.activation, widen("wi.weight"));  // (B, L, F)
    return linear(hidden, g.parameter(dense + "wo.weight", {config_.d_model, config_.d_ff}), {},
                  x);  // (B, L, D)
  }

  Config config_;
};

bool recognises(const Json& config) { return config.string_or("model_type", "") == "umt5"; }
std::unique_ptr<Model> create(const Json& config) { return std::make_unique<Umt5>(config); }

}  // namespace
}  // namespace umt5

extern const ModelEntry zt_model_umt5;
const ModelEntry zt_model_umt5 = {"umt5", umt5::recognises, umt5::create};

}  // namespace zoetrope
