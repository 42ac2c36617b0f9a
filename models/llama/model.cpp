// Llama architecture (Touvron et al., 2023; Llama 3.1's rotary scaling): pre-norm decoder with grouped-query
// attention and SwiGLU. One graph serves prefill (many tokens) and decode (one token) over one key-value
// cache. B batch, L tokens, C cache capacity, D hidden, H heads, K key-value heads, d head dim, F
// feed-forward, V vocabulary.
#include "nn/model.h"

#include <fmt/format.h>

#include <cmath>

#include "config.h"
#include "ops/attention.h"
#include "ops/binary.h"
#include "ops/embedding.h"
#include "ops/gated_activation.h"
#include "ops/linear.h"
#include "ops/reshape.h"
#include "ops/rms_norm.h"
#include "ops/rotary.h"
#include "ops/slice.h"
#include "ops/write_state.h"

namespace zoetrope {
namespace llama {
namespace {

// Angle tables (C, d/2) for positions 0 .. C-1, cos and sin.
struct RotaryTables {
  HostTensor cos, sin;
};

// Inverse frequencies in float32, as the reference computes them.
std::vector<float> inverse_frequencies(const Config& config) {
  std::vector<float> frequencies;
  for (int64_t i = 0; i < config.head_dim / 2; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(config.head_dim);
    float frequency = 1.0f / std::pow(static_cast<float>(config.rope_theta), exponent);
    if (config.rope_scaling) {
      const RopeScaling& scaling = *config.rope_scaling;
      const auto positions = static_cast<double>(scaling.original_positions);
      const double wavelength = 2 * M_PI / frequency;
      if (wavelength > positions / scaling.low_freq_factor) {
        frequency = static_cast<float>(frequency / scaling.factor);
      } else if (wavelength >= positions / scaling.high_freq_factor) {
        const double smooth = (positions / wavelength - scaling.low_freq_factor) /
                              (scaling.high_freq_factor - scaling.low_freq_factor);
        frequency = static_cast<float>((1 - smooth) * frequency / scaling.factor + smooth * frequency);
      }
    }
    frequencies.push_back(frequency);
  }
  return frequencies;
}

RotaryTables rotary_tables(const Config& config, int64_t capacity) {
  const std::vector<float> frequencies = inverse_frequencies(config);
  const auto half = static_cast<int64_t>(frequencies.size());
  RotaryTables tables{HostTensor(DType::f32, {capacity, half}), HostTensor(DType::f32, {capacity, half})};
  for (int64_t p = 0; p < capacity; ++p)
    for (int64_t i = 0; i < half; ++i) {
      const float angle = static_cast<float>(p) * frequencies[static_cast<size_t>(i)];
      tables.cos.f32()[static_cast<size_t>(p * half + i)] =
          static_cast<float>(std::cos(static_cast<double>(angle)));
      tables.sin.f32()[static_cast<size_t>(p * half + i)] =
          static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  return tables;
}

class Llama final : public LanguageModel {
 public:
  explicit Llama(const Json& config) : config_(read_config(config)) {}

  int64_t vocabulary_size() const override { return config_.vocab_size; }
  int64_t context_length() const override { return config_.max_positions; }

  WeightLayout layout(const TensorShapes& checkpoint) const override {
    WeightLayout layout{.name = "transformers"};
    // A tied head may be written out once more; it is the same matrix.
    if (config_.tied) layout.ignored.push_back("lm_head.weight");
    for (int64_t i = 0; i < config_.layers; ++i)
      layout.ignored.push_back(fmt::format("model.layers.{}.self_attn.rotary_emb.inv_freq", i));
    (void)checkpoint;
    return layout;
  }

  std::vector<Graph> smallest_graphs() const override {
    std::vector<Graph> graphs;
    graphs.push_back(step({}));
    return graphs;
  }

  Graph step(const StepShape& shape) const override {
    Graph g("llama");
    const auto [batch, tokens, capacity, masked, last_only] = shape;
    Tensor ids = g.input("input_ids", DType::i32, {batch, tokens});    // (B, L)
    Tensor position = g.input("position", DType::i32, {1});            // (1)
    Tensor positions = g.input("positions", DType::i32, {1, tokens});  // (1, L): position + 0 .. L-1
    Tensor mask = masked ? g.input("attention_mask", DType::i32, {batch, capacity}) : Tensor();  // (B, C)
    RotaryTables tables = rotary_tables(config_, capacity);
    Tensor cos = g.constant("rope.cos", std::move(tables.cos));  // (C, d/2)
    Tensor sin = g.constant("rope.sin", std::move(tables.sin));  // (C, d/2)
    Tensor embeddings =
        g.parameter("model.embed_tokens.weight", {config_.vocab_size, config_.hidden_size});  // (V, D)
    Tensor x = embedding(ids, embeddings);                                                    // (B, L, D)
    for (int64_t i = 0; i < config_.layers; ++i) {
      const std::string name = fmt::format("model.layers.{}", i);
      Scope scope(g, name);
      Tensor normed = norm(g, x, name + ".input_layernorm.weight");  // (B, L, D)
      x = self_attention(g, x, normed, name + ".self_attn", {cos, sin, position, positions, mask}, capacity);
      normed = norm(g, x, name + ".post_attention_layernorm.weight");  // (B, L, D)
      x = feed_forward(g, x, normed, name + ".mlp");                   // (B, L, D)
    }
    x = norm(g, x, "model.norm.weight");            // (B, L, D)
    if (last_only) x = slice(x, 1, tokens - 1, 1);  // (B, 1, D)
    Tensor head =
        config_.tied ? embeddings : g.parameter("lm_head.weight", {config_.vocab_size, config_.hidden_size});
    g.output("logits", linear(x, head));  // (B, L or 1, V)
    return g;
  }

 private:
  struct Context {
    Tensor cos, sin, position, positions, mask;
  };

  Tensor norm(Graph& g, Tensor x, const std::string& name) const {
    return rms_norm(x, g.parameter(name, {config_.hidden_size}), static_cast<float>(config_.rms_norm_eps));
  }

  Tensor projection(Graph& g, Tensor x, const std::string& name, int64_t rows, bool bias,
                    Tensor residual = {}) const {
    Tensor weight = g.parameter(name + ".weight", {rows, x.dim(-1)});
    return linear(x, weight, bias ? g.parameter(name + ".bias", {rows}) : Tensor(), residual);
  }

  Tensor self_attention(Graph& g, Tensor x, Tensor normed, const std::string& name, const Context& c,
                        int64_t capacity) const {
    const int64_t batch = x.dim(0), tokens = x.dim(1), d = config_.head_dim;
    const bool bias = config_.attention_bias;
    Tensor q = projection(g, normed, name + ".q_proj", config_.heads * d, bias);     // (B, L, H d)
    Tensor k = projection(g, normed, name + ".k_proj", config_.kv_heads * d, bias);  // (B, L, K d)
    Tensor v = projection(g, normed, name + ".v_proj", config_.kv_heads * d, bias);  // (B, L, K d)
    q = reshape(q, {batch, tokens, config_.heads, d});                               // (B, L, H, d)
    k = reshape(k, {batch, tokens, config_.kv_heads, d});                            // (B, L, K, d)
    v = reshape(v, {batch, tokens, config_.kv_heads, d});                            // (B, L, K, d)
    q = rotary(q, c.cos, c.sin, RotaryStyle::half, c.positions);
    k = rotary(k, c.cos, c.sin, RotaryStyle::half, c.positions);
    Tensor keys =
        g.state(name + ".keys", DType::f32, {batch, capacity, config_.kv_heads, d});  // (B, C, K, d)
    Tensor values =
        g.state(name + ".values", DType::f32, {batch, capacity, config_.kv_heads, d});  // (B, C, K, d)
    write_state(keys, k, 1, 0, c.position);
    write_state(values, v, 1, 0, c.position);
    AttentionOptions options{.scale = 1.0f / std::sqrt(static_cast<float>(d)), .causal = true};
    options.position = c.position;
    options.key_mask = c.mask;
    Tensor mixed = attention(q, keys, values, options);                           // (B, L, H, d)
    mixed = reshape(mixed, {batch, tokens, config_.heads * d});                   // (B, L, H d)
    return projection(g, mixed, name + ".o_proj", config_.hidden_size, bias, x);  // (B, L, D)
  }

  Tensor feed_forward(Graph& g, Tensor x, Tensor normed, const std::string& name) const {
    Tensor gate =
        projection(g, normed, name + ".gate_proj", config_.intermediate_size, config_.mlp_bias);  // (B, L, F)
    Tensor up =
        projection(g, normed, name + ".up_proj", config_.intermediate_size, config_.mlp_bias);    // (B, L, F)
    Tensor hidden = gated_activation(gate, up, UnaryKind::silu);                                  // (B, L, F)
    return projection(g, hidden, name + ".down_proj", config_.hidden_size, config_.mlp_bias, x);  // (B, L, D)
  }

  Config config_;
};

bool recognises(const Json& config) {
  if (config.string_or("model_type", "") == "llama") return true;
  const Json* architectures = config.find("architectures");
  if (!architectures || !architectures->is_array()) return false;
  for (const Json& name : architectures->as_array())
    if (name.is_string() && name.as_string() == "LlamaForCausalLM") return true;
  return false;
}

std::unique_ptr<Model> create(const Json& config) { return std::make_unique<Llama>(config); }

}  // namespace
}  // namespace llama

extern const ModelEntry zt_model_llama;
const ModelEntry zt_model_llama = {"llama", llama::recognises, llama::create};

}  // namespace zoetrope
