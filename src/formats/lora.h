// LoRA files: small changes to a model's weights, in the many spellings that trainers write.
//
// Low rank: W += scale * up * down (down: (rank, in), up: (out, rank), scale = alpha / rank, 1 without
// alpha). Differences: a whole tensor that is added to a weight (diff, w_norm), a bias (diff_b, b_norm,
// lora_B.bias) or a modulation table (diff_m). The dialects are those that ComfyUI (weight_adapter/lora.py,
// lora.py), kohya's trainers, PEFT and diffusers (loaders/lora_conversion_utils.py) read and write.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/safetensors.h"

namespace zoetrope {

// What a model tells about itself so that a LoRA's names can be matched to it.
struct LoraModel {
  // Every parameter by its canonical name: "blocks.0.self_attn.q.weight" -> (out, in).
  std::map<std::string, Shape, std::less<>> parameters;
  // Names of modules in other layouts -> canonical: "blocks.0.attn1.to_q" -> "blocks.0.self_attn.q".
  std::map<std::string, std::string, std::less<>> other_modules;
  // Parts of module names ("k_img") that a LoRA of a relative may have: without effect here, and no error.
  std::vector<std::string> ignorable_parts;
};

enum class LoraKind { low_rank, difference };

struct LoraEntry {
  LoraKind kind = LoraKind::low_rank;
  std::string parameter;  // canonical: "blocks.0.self_attn.q.weight", "….bias", "blocks.0.modulation"
  const TensorInfo* down = nullptr;   // low_rank: (rank, in…)
  const TensorInfo* up = nullptr;     // low_rank: (out, rank…)
  const TensorInfo* delta = nullptr;  // difference: of the parameter's shape
  int64_t rank = 0;                   // low_rank
  double scale = 1;                   // what the file says; the user's strength comes on top
};

class Lora {
 public:
  // Reads the header and the alphas, and matches every tensor to the model's parameters. InputErrors: nothing
  // matches; a part does not match (unless allow_partial); an up without its down; a shape, rank, type or
  // alpha that makes no sense; two entries for one parameter of one kind; a kind that is not supported (DoRA,
  // LoHa, LoKr, lora_mid, set_weight), by name.
  static Lora open(const fs::path& path, const LoraModel& model, bool allow_partial = false);

  const fs::path& path() const { return file_.path(); }
  const std::vector<LoraEntry>& entries() const { return entries_; }  // sorted by parameter
  const std::vector<std::string>& unmatched() const {
    return unmatched_;
  }                                                                     // tensors, where partial is allowed
  const std::vector<std::string>& ignored() const { return ignored_; }  // tensors of ignorable parts
  uint64_t bytes() const { return file_.data_bytes(); }

  // The tensor's elements [first, first + count), widened; NaN or infinity among them is an InputError.
  // Allocates nothing: weights are read on the run path where they are streamed. Thread-safe.
  void read(const TensorInfo& tensor, int64_t first, int64_t count, float* out) const;

 private:
  explicit Lora(const fs::path& path) : file_(path) {}

  SafetensorsFile file_;
  std::vector<LoraEntry> entries_;
  std::vector<std::string> unmatched_;
  std::vector<std::string> ignored_;
};

}  // namespace zoetrope
