// The Wan 2.1 / 2.2 transformer (Wan Team, 2025): patches of latents attend to each other in full, to the
// text in every block, and are modulated by the timestep. B batch, L tokens (frames × rows × columns of
// patches), D width = H heads × d, T text tokens, W text width, F feed-forward.
#include "nn/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "config.h"
#include "names.h"
#include "ops/attention.h"
#include "ops/binary.h"
#include "ops/gated_add.h"
#include "ops/layer_norm.h"
#include "ops/linear.h"
#include "ops/modulate.h"
#include "ops/permute.h"
#include "ops/reshape.h"
#include "ops/rms_norm.h"
#include "ops/rotary.h"
#include "ops/slice.h"
#include "ops/timestep_embedding.h"
#include "ops/unary.h"

namespace zoetrope {
namespace wan {
namespace {

// Patches along each axis.
struct Grid {
  int64_t frames, rows, columns;
  int64_t tokens() const { return frames * rows * columns; }
};

// function(position · 10000^(-i / count)) for every position and i, in double, as the original repository
// computes them. (positions, count)
std::vector<float> axis_table(int64_t positions, int64_t count, double (*function)(double)) {
  std::vector<float> table;
  table.reserve(static_cast<size_t>(positions * count));
  for (int64_t position = 0; position < positions; ++position)
    for (int64_t i = 0; i < count; ++i)
      table.push_back(static_cast<float>(
          function(static_cast<double>(position) *
                   std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(count)))));
  return table;
}

// Angles per token (L, d/2): the first columns turn with the frame, the next with the row, the last with the
// column.
HostTensor rotary_table(const Config& config, const Grid& grid, double (*function)(double)) {
  const int64_t half = config.head_dim / 2, side = config.head_dim / 6, temporal = half - 2 * side;
  const std::vector<float> frames = axis_table(grid.frames, temporal, function);
  const std::vector<float> rows = axis_table(grid.rows, side, function);
  const std::vector<float> columns = axis_table(grid.columns, side, function);
  HostTensor table(DType::f32, {grid.tokens(), half});
  float* out = table.f32().data();
  for (int64_t f = 0; f < grid.frames; ++f)
    for (int64_t y = 0; y < grid.rows; ++y)
      for (int64_t x = 0; x < grid.columns; ++x) {
        out = std::copy_n(frames.data() + f * temporal, temporal, out);
        out = std::copy_n(rows.data() + y * side, side, out);
        out = std::copy_n(columns.data() + x * side, side, out);
      }
  return table;
}

class Wan final : public DenoiserModel {
 public:
  explicit Wan(const Json& config) : config_(read_config(config)) {}

  DenoiserTraits traits() const override {
    return {.in_channels = config_.in_channels,
            .out_channels = config_.out_channels,
            .text_width = config_.text_width,
            .patch_t = config_.patch_t,
            .patch_h = config_.patch_h,
            .patch_w = config_.patch_w};
  }

  WeightLayout layout(const TensorShapes& checkpoint) const override {
    WeightLayout layout;
    for (const char* prefix :
         {"model.diffusion_model.", "diffusion_model.", "model.model.", "net.", "transformer."})
      if (checkpoint.contains(std::string(prefix) + "patch_embedding.weight")) layout.prefix = prefix;
    const bool diffusers = checkpoint.contains(layout.prefix + "proj_out.weight") ||
                           checkpoint.contains(layout.prefix + "condition_embedder.time_proj.weight");
    layout.name = diffusers ? "diffusers" : "original";
    if (diffusers)
      for (const std::string& name : parameter_names()) layout.rules[name] = {{{diffusers_name(name)}}};
    BindRule& patch = layout.rules["patch_embedding.weight"];
    patch.parts = {{"patch_embedding.weight"}};
    patch.stored_shape =
        Shape{config_.width(), config_.in_channels, config_.patch_t, config_.patch_h, config_.patch_w};
    layout.ignored = {"freqs", "rope.freqs"};
    return layout;
  }

  std::vector<Graph> smallest_graphs() const override {
    std::vector<Graph> graphs;
    graphs.push_back(smallest_forward());
    return graphs;
  }

  std::map<std::string, std::string> module_names() const override {
    std::map<std::string, std::string> names;
    for (const std::string& parameter : parameter_names())
      for (const char* suffix : {".weight", "modulation"}) {
        if (!parameter.ends_with(suffix)) continue;
        const bool table = suffix[0] == 'm';
        auto module = [&](const std::string& name) { return table ? name : name.substr(0, name.size() - 7); };
        names[module(parameter)] = module(parameter);
        names[module(diffusers_name(parameter))] = module(parameter);
      }
    return names;
  }

  Graph forward(const ForwardShape& s) const override {
    Graph g("wan");
    const Grid grid = checked_grid(s);
    const int64_t tokens = grid.tokens();
    Tensor latents =
        g.input("hidden_states", DType::f32, {s.batch, config_.in_channels, s.frames, s.height, s.width});
    Tensor text_in = g.input("encoder_hidden_states", DType::f32,
                             {s.batch, s.text_length, config_.text_width});      // (B, T, W)
    Tensor cos = g.constant("rope.cos", rotary_table(config_, grid, std::cos));  // (L, d/2)
    Tensor sin = g.constant("rope.sin", rotary_table(config_, grid, std::sin));  // (L, d/2)
    const Times times = embed_time(g, s, tokens);
    Tensor text = dense(g, gelu_tanh(dense(g, text_in, "text_embedding.0", config_.width())),
                        "text_embedding.2", config_.width());  // (B, T, D)
    Tensor x = embed_patches(g, latents, grid);                // (B, L, D)
    for (int64_t i = 0; i < config_.layers; ++i) {
      const std::string name = fmt::format("blocks.{}", i);
      Scope scope(g, name);
      x = block(g, x, text, times.projected, {cos, sin}, name);
    }
    g.output("sample", head(g, x, times.embedded, grid));  // (B, C, F, H, W)
    return g;
  }

 private:
  struct Times {
    Tensor embedded;   // (B, 1, D), or (B, L, D) with a timestep per token
    Tensor projected;  // (B, 6 D), or (B, L, 6 D)
  };
  struct Rotary {
    Tensor cos, sin;  // (L, d/2)
  };

  Grid checked_grid(const ForwardShape& s) const {
    if (s.frames % config_.patch_t || s.height % config_.patch_h || s.width % config_.patch_w)
      throw GraphError(
          fmt::format("latents of {} × {} × {} do not divide into patches of {} × {} × {}", s.frames,
                      s.height, s.width, config_.patch_t, config_.patch_h, config_.patch_w),
          "wan");
    const Grid grid{s.frames / config_.patch_t, s.height / config_.patch_h, s.width / config_.patch_w};
    if (std::max({grid.frames, grid.rows, grid.columns}) > config_.rope_positions)
      throw GraphError(fmt::format("more than {} patches along an axis", config_.rope_positions), "wan");
    return grid;
  }

  // x (..., K) -> (..., rows)
  Tensor dense(Graph& g, Tensor x, const std::string& name, int64_t rows, Tensor residual = {}) const {
    return linear(x, g.parameter(name + ".weight", {rows, x.dim(-1)}), g.parameter(name + ".bias", {rows}),
                  residual);
  }

  Times embed_time(Graph& g, const ForwardShape& s, int64_t tokens) const {
    Scope scope(g, "time");
    const int64_t width = config_.width();
    Times times;
    Tensor embedded;
    {
      Float32Island island(g);
      Tensor timestep =
          g.input("timestep", DType::f32, s.timestep_per_token ? Shape{s.batch, tokens} : Shape{s.batch});
      Tensor waves = timestep_embedding(timestep, config_.freq_dim);  // (B[, L], freq)
      embedded = dense(g, silu(dense(g, waves, "time_embedding.0", width)), "time_embedding.2",
                       width);  // (B[, L], D)
    }
    // Rounded to the run's precision once, here.
    embedded = unary(UnaryKind::identity, embedded);
    times.projected = dense(g, silu(embedded), "time_projection.1", 6 * width);  // (B[, L], 6 D)
    times.embedded = s.timestep_per_token ? embedded : reshape(embedded, {s.batch, 1, width});
    return times;
  }

  // Latents (B, C, F, H, W) -> patches (B, L, C pt ph pw) -> tokens (B, L, D).
  Tensor embed_patches(Graph& g, Tensor latents, const Grid& grid) const {
    Scope scope(g, "patch_embedding");
    const int64_t batch = latents.dim(0), channels = config_.in_channels;
    const int64_t volume = channels * config_.patch_t * config_.patch_h * config_.patch_w;
    Tensor x = reshape(latents, {batch, channels, grid.frames, config_.patch_t, grid.rows, config_.patch_h,
                                 grid.columns, config_.patch_w});
    x = permute(x, {0, 2, 4, 6, 1, 3, 5, 7});  // (B, f, h, w, C, pt, ph, pw)
    return dense(g, reshape(x, {batch, grid.tokens(), volume}), "patch_embedding", config_.width());
  }

  // Row k of the block's table plus the timestep's: (B, 1, D) or (B, L, D), in float32.
  Tensor modulation_row(Graph& g, Tensor table, Tensor projected, int64_t k) const {
    Float32Island island(g);
    const int64_t width = config_.width();
    Tensor row = slice(projected, -1, k * width, width);                      // (B, D) or (B, L, D)
    if (row.shape().rank() == 2) row = reshape(row, {row.dim(0), 1, width});  // (B, 1, D)
    return add(row, slice(table, 1, k, 1));
  }

  Tensor modulated_norm(Graph& g, Tensor x, Tensor shift, Tensor scale) const {
    Tensor normed;
    {
      Float32Island island(g);
      normed = layer_norm(x, {}, {}, static_cast<float>(config_.eps));
    }
    return modulate(normed, scale, shift);
  }

  Tensor table(Graph& g, const std::string& name, int64_t rows) const {
    Float32Island island(g);
    return g.parameter(name, {1, rows, config_.width()});
  }

  Tensor block(Graph& g, Tensor x, Tensor text, Tensor projected, const Rotary& rope,
               const std::string& name) const {
    Tensor rows = table(g, name + ".modulation", 6);  // (1, 6, D)
    auto row = [&](int64_t k) { return modulation_row(g, rows, projected, k); };
    {
      Scope scope(g, "self_attn");
      Tensor y = modulated_norm(g, x, row(0), row(1));      // (B, L, D)
      y = self_attention(g, y, rope, name + ".self_attn");  // (B, L, D)
      x = gated_add(x, y, row(2));
    }
    {
      Scope scope(g, "cross_attn");
      x = cross_attention(g, x, text, name);  // (B, L, D)
    }
    Scope scope(g, "ffn");
    Tensor y = modulated_norm(g, x, row(3), row(4));  // (B, L, D)
    y = dense(g, gelu_tanh(dense(g, y, name + ".ffn.0", config_.ffn)), name + ".ffn.2", config_.width());
    return gated_add(x, y, row(5));
  }

  // Normed over all heads joined, then split: (B, L, H, d).
  Tensor normed_heads(Graph& g, Tensor x, const std::string& name, const char* part) const {
    Tensor y = dense(g, x, name + "." + part, config_.width());
    y = rms_norm(y, g.parameter(name + ".norm_" + part + ".weight", {config_.width()}),
                 static_cast<float>(config_.eps));
    return reshape(y, {x.dim(0), x.dim(1), config_.heads, config_.head_dim});
  }

  Tensor attend(Tensor q, Tensor k, Tensor v) const {
    const float scale = 1.0f / std::sqrt(static_cast<float>(config_.head_dim));
    Tensor mixed = attention(q, k, v, {.scale = scale});  // (B, L, H, d)
    return reshape(mixed, {q.dim(0), q.dim(1), config_.width()});
  }

  Tensor self_attention(Graph& g, Tensor x, const Rotary& rope, const std::string& name) const {
    Tensor q = rotary(normed_heads(g, x, name, "q"), rope.cos, rope.sin, RotaryStyle::interleaved);
    Tensor k = rotary(normed_heads(g, x, name, "k"), rope.cos, rope.sin, RotaryStyle::interleaved);
    Tensor v = reshape(dense(g, x, name + ".v", config_.width()), q.shape());  // (B, L, H, d)
    return dense(g, attend(q, k, v), name + ".o", config_.width());
  }

  Tensor cross_attention(Graph& g, Tensor x, Tensor text, const std::string& block) const {
    const std::string name = block + ".cross_attn";
    Tensor y = x;
    if (config_.cross_norm)
      y = layer_norm(x, g.parameter(block + ".norm3.weight", {config_.width()}),
                     g.parameter(block + ".norm3.bias", {config_.width()}), static_cast<float>(config_.eps));
    Tensor q = normed_heads(g, y, name, "q");     // (B, L, H, d)
    Tensor k = normed_heads(g, text, name, "k");  // (B, T, H, d)
    Tensor v = reshape(dense(g, text, name + ".v", config_.width()), k.shape());
    return dense(g, attend(q, k, v), name + ".o", config_.width(), x);
  }

  Tensor head(Graph& g, Tensor x, Tensor embedded, const Grid& grid) const {
    Scope scope(g, "head");
    const int64_t batch = x.dim(0), c = config_.out_channels, pt = config_.patch_t, ph = config_.patch_h,
                  pw = config_.patch_w;
    Tensor rows = table(g, "head.modulation", 2);  // (1, 2, D)
    auto row = [&](int64_t k) {
      Float32Island island(g);
      return add(embedded, slice(rows, 1, k, 1));  // (B, 1, D) or (B, L, D)
    };
    Tensor y = modulated_norm(g, x, row(0), row(1));
    y = dense(g, y, "head.head", pt * ph * pw * c);  // (B, L, pt ph pw C)
    y = reshape(y, {batch, grid.frames, grid.rows, grid.columns, pt, ph, pw, c});
    y = permute(y, {0, 7, 1, 4, 2, 5, 3, 6});  // (B, C, f, pt, h, ph, w, pw)
    return reshape(y, {batch, c, grid.frames * pt, grid.rows * ph, grid.columns * pw});
  }

  Graph smallest_forward() const {
    return forward(
        {.frames = config_.patch_t, .height = config_.patch_h, .width = config_.patch_w, .text_length = 1});
  }

  // Of the smallest graph there is: parameters do not depend on the shapes of the inputs.
  std::vector<std::string> parameter_names() const {
    const Graph g = smallest_forward();
    std::vector<std::string> names;
    for (ValueId id : g.all(ValueKind::parameter)) names.push_back(g.value(id).name);
    return names;
  }

  Config config_;
};

bool recognises(const Json& config) {
  const std::string name = config.string_or("_class_name", "");
  if (name == "WanTransformer3DModel" || name == "WanModel") return true;
  return name.empty() && config.has("dim") && config.has("ffn_dim") && config.has("in_dim");
}
std::unique_ptr<Model> create(const Json& config) { return std::make_unique<Wan>(config); }

}  // namespace
}  // namespace wan

extern const ModelEntry zt_model_wan;
const ModelEntry zt_model_wan = {"wan", wan::recognises, wan::create};

}  // namespace zoetrope
