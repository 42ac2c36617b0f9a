// What a model is to the rest of the program: a config read from its folder, graphs built from that config
// alone, a map from its parameters' names to the names in the layouts people have, and the facts a pipeline
// must know.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "graph/graph.h"

namespace zoetrope {

// How one parameter is made from the tensors of a checkpoint: rows of one or several tensors, joined along
// the first axis. Extents of 1 may stand elsewhere than in the parameter; any other shape in the file must be
// given.
struct BindRule {
  struct Part {
    std::string tensor;
    int64_t first_row = 0;
    int64_t rows = -1;  // -1: all
  };
  std::vector<Part> parts;
  std::optional<Shape> stored_shape;  // of the joined tensor, where it is not the parameter's
};

// The names a layout gives to a model's parameters (the original repository's, diffusers', ...).
struct WeightLayout {
  std::string name;    // "diffusers", for messages
  std::string prefix;  // stripped from the checkpoint's names, such as "model.diffusion_model."
  std::map<std::string, BindRule> rules;  // a parameter that is not here has the tensor of its own name
  std::vector<std::string> ignored;       // tensors that may be there and are not read (exact names)
};

// The tensors' names and shapes of a checkpoint, by which a model tells layouts apart.
using TensorShapes = std::map<std::string, Shape>;

class Model {
 public:
  virtual ~Model() = default;
  // Picks the layout in which the checkpoint is written. Throws InputError where it is none that the model
  // knows.
  virtual WeightLayout layout(const TensorShapes& checkpoint) const = 0;
  // Graphs at the smallest shapes there are which together have every parameter of the model.
  virtual std::vector<Graph> smallest_graphs() const = 0;
};

// ---- Roles ----

class LanguageModel : public Model {
 public:
  virtual int64_t vocabulary_size() const = 0;
  virtual int64_t context_length() const = 0;  // most positions
  // Inputs: "input_ids" int32 (B, L), "position" int32 (1) (of the first token), "positions" int32 (1, L) (of
  // each token), "attention_mask" int32 (B, capacity) when `masked`. Output: "logits" (B, L, vocabulary), or
  // of the last token only (B, 1, vocabulary) with `last_only`. The key-value cache is state with room for
  // `capacity` positions.
  struct StepShape {
    int64_t batch = 1, tokens = 1, capacity = 1;
    bool masked = false;
    bool last_only = false;
  };
  virtual Graph step(const StepShape& shape) const = 0;
};

class TextEncoderModel : public Model {
 public:
  virtual int64_t vocabulary_size() const = 0;
  virtual int64_t width() const = 0;  // D of the output
  // Inputs: "input_ids" int32 (B, L), "attention_mask" int32 (B, L). Output: "last_hidden_state" (B, L, D).
  virtual Graph encode(int64_t batch, int64_t length) const = 0;
};

struct DenoiserTraits {
  int64_t in_channels = 16;   // of what it sees: latents, or latents, mask and picture latents joined
  int64_t out_channels = 16;  // latent channels
  int64_t text_width = 4096;
  int64_t patch_t = 1, patch_h = 2, patch_w = 2;
};

class DenoiserModel : public Model {
 public:
  virtual DenoiserTraits traits() const = 0;
  struct ForwardShape {
    int64_t batch = 1, frames = 1, height = 1, width = 1;  // latent extents
    int64_t text_length = 512;
    bool timestep_per_token = false;
  };
  // Inputs: "hidden_states" (B, C, F, H, W), "timestep" float32 (B) or (B, tokens), "encoder_hidden_states"
  // (B, T, text_width). Output: "sample" (B, out_channels, F, H, W). Throws GraphError where the extents do
  // not divide by the patch.
  virtual Graph forward(const ForwardShape& shape) const = 0;
  // Other spellings of the modules whose weights a LoRA may change (diffusers' names), as pairs other ->
  // canonical; canonical names stand for themselves and are among the keys. A module is a parameter's name
  // without ".weight".
  virtual std::map<std::string, std::string> module_names() const = 0;
};

struct AutoencoderTraits {
  int64_t latent_channels = 16;
  int64_t picture_channels = 3;
  int64_t spatial_factor = 8;                    // pixels a latent pixel, each way
  int64_t temporal_factor = 4;                   // frames a latent frame, but for the first
  std::vector<float> latents_mean, latents_std;  // (latent_channels); empty: zero and one
};

class AutoencoderModel : public Model {
 public:
  virtual AutoencoderTraits traits() const = 0;
  // Works on a clip in chunks that share state: the first latent frame alone, then one latent frame after the
  // other. Decode: input "sample" (B, z, 1, h, w) -> "sample" (B, 3, 1 or temporal_factor, H, W), unclamped.
  // Encode: input "sample" (B, 3, 1 or 4, H, W) -> "moments" (B, 2 z, 1, h, w), raw: mean, then log variance.
  struct ChunkShape {
    int64_t batch = 1, height = 1, width = 1;  // latent extents for decode, pixels for encode
    bool first = true;
  };
  virtual Graph decode_chunk(const ChunkShape& shape) const = 0;
  virtual Graph encode_chunk(const ChunkShape& shape) const = 0;
  // Frames that an encode chunk takes after the first.
  virtual int64_t encode_frames() const = 0;
};

// ---- Look-up ----

struct ModelEntry {
  std::string_view name;
  // By what the config calls itself ("_class_name", "architectures", "model_type").
  bool (*recognises)(const Json& config);
  std::unique_ptr<Model> (*create)(const Json& config);
};

// Generated from the folders under models/.
const std::vector<const ModelEntry*>& model_entries();

// The model whose config this is. Throws InputError naming the config and the models there are.
std::unique_ptr<Model> model_from_config(const Json& config);

}  // namespace zoetrope
