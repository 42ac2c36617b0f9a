#include "formats/lora.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace zoetrope {
namespace {

enum class Part { up, down, up_bias, alpha, weight_delta, bias_delta, modulation_delta, unsupported };

struct Suffix {
  std::string_view text;
  Part part;
};

// A longer suffix stands before one that it ends with.
constexpr std::array kSuffixes = {
    Suffix{".lora_linear_layer.up.weight", Part::up},      // transformers
    Suffix{".lora_linear_layer.down.weight", Part::down},  //
    Suffix{".lora_B.default.weight", Part::up},            // PEFT as it is
    Suffix{".lora_A.default.weight", Part::down},          //
    Suffix{".lora_B.default.bias", Part::up_bias},         //
    Suffix{".lora_up.weight", Part::up},                   // kohya, lightx2v
    Suffix{".lora_down.weight", Part::down},               //
    Suffix{".lora_B.weight", Part::up},                    // PEFT in diffusers
    Suffix{".lora_A.weight", Part::down},                  //
    Suffix{".lora_B.bias", Part::up_bias},                 //
    Suffix{".lora.up.weight", Part::up},                   // diffusers
    Suffix{".lora.down.weight", Part::down},               //
    Suffix{"_lora.up.weight", Part::up},                   // old diffusers
    Suffix{"_lora.down.weight", Part::down},               //
    Suffix{".lora_B", Part::up},                           // mochi
    Suffix{".lora_A", Part::down},                         //
    Suffix{".alpha", Part::alpha},                         //
    Suffix{".diff", Part::weight_delta},                   //
    Suffix{".diff_b", Part::bias_delta},                   //
    Suffix{".diff_m", Part::modulation_delta},             //
    Suffix{".w_norm", Part::weight_delta},                 // LyCORIS norms
    Suffix{".b_norm", Part::bias_delta},                   //
    Suffix{".dora_scale", Part::unsupported},
    Suffix{".lora_magnitude_vector", Part::unsupported},
    Suffix{".lora_magnitude_vector.weight", Part::unsupported},
    Suffix{".lora_mid.weight", Part::unsupported},
    Suffix{".reshape_weight", Part::unsupported},
    Suffix{".set_weight", Part::unsupported},
    Suffix{".hada_w1_a", Part::unsupported},
    Suffix{".lokr_w1", Part::unsupported},
    Suffix{".lokr_w1_a", Part::unsupported},
    Suffix{".lokr_w2", Part::unsupported},
    Suffix{".oft_blocks", Part::unsupported},
    Suffix{".oft_diag", Part::unsupported},
};

// What stands before a module's own name. "lora_unet_" and the like also write "_" for every ".".
constexpr std::array<std::string_view, 7> kPrefixes = {"base_model.model.",
                                                       "model.diffusion_model.",
                                                       "diffusion_model.",
                                                       "transformer_2.",
                                                       "transformer.",
                                                       "model.",
                                                       "net."};
constexpr std::array<std::string_view, 4> kUnderscorePrefixes = {"lora_unet__", "lora_unet_",
                                                                 "lora_transformer_", "lycoris_"};

// All that a file says about one module, by the module's name in the file.
struct Group {
  const TensorInfo* up = nullptr;
  const TensorInfo* down = nullptr;
  const TensorInfo* up_bias = nullptr;
  const TensorInfo* alpha = nullptr;
  const TensorInfo* weight_delta = nullptr;
  const TensorInfo* bias_delta = nullptr;
  const TensorInfo* modulation_delta = nullptr;

  const TensorInfo*& slot(Part part) {
    switch (part) {
      case Part::up:
        return up;
      case Part::down:
        return down;
      case Part::up_bias:
        return up_bias;
      case Part::alpha:
        return alpha;
      case Part::weight_delta:
        return weight_delta;
      case Part::bias_delta:
        return bias_delta;
      default:
        return modulation_delta;
    }
  }
  std::vector<std::string> tensors() const {
    std::vector<std::string> out;
    for (const TensorInfo* info : {up, down, up_bias, alpha, weight_delta, bias_delta, modulation_delta})
      if (info) out.push_back(info->name);
    return out;
  }
};

// Finds the canonical name of what a file calls a module.
class ModuleNames {
 public:
  explicit ModuleNames(const LoraModel& model) {
    for (const auto& [parameter, shape] : model.parameters) {
      add(parameter, parameter);
      if (const size_t dot = parameter.rfind('.'); dot != std::string::npos)
        add(parameter.substr(0, dot), parameter.substr(0, dot));
    }
    for (const auto& [other, canonical] : model.other_modules) add(other, canonical);
  }

  std::optional<std::string> find(std::string_view name) const {
    while (true) {
      if (const auto it = dotted_.find(name); it != dotted_.end()) return it->second;
      for (std::string_view prefix : kUnderscorePrefixes)
        if (name.starts_with(prefix)) {
          const auto it = underscored_.find(name.substr(prefix.size()));
          if (it != underscored_.end() && !it->second.empty()) return it->second;
        }
      const auto prefix = std::find_if(kPrefixes.begin(), kPrefixes.end(),
                                       [&](std::string_view p) { return name.starts_with(p); });
      if (prefix == kPrefixes.end()) return std::nullopt;
      name.remove_prefix(prefix->size());
    }
  }

 private:
  void add(const std::string& name, const std::string& canonical) {
    dotted_.emplace(name, canonical);
    std::string flat = name;
    std::replace(flat.begin(), flat.end(), '.', '_');
    // Two modules that differ only in dots can't be told apart: an empty name marks them, and matches
    // nothing.
    const auto [it, is_new] = underscored_.emplace(flat, canonical);
    if (!is_new && it->second != canonical) it->second.clear();
  }

  std::map<std::string, std::string, std::less<>> dotted_;
  std::map<std::string, std::string, std::less<>> underscored_;
};

// diffusers writes the trainer's settings into the metadata; there alpha may differ from the rank.
class AdapterSettings {
 public:
  AdapterSettings(const SafetensorsFile& file) {
    const auto it = file.metadata().find("lora_adapter_metadata");
    if (it == file.metadata().end()) return;
    const Json json = Json::parse(it->second, file.path().string() + ": metadata 'lora_adapter_metadata'");
    for (const std::string prefix : {"", "transformer.", "unet."}) {
      if (const Json* alpha = json.find(prefix + "lora_alpha"); alpha && !alpha->is_null())
        alpha_ = alpha->as_number();
      if (const Json* root = json.find(prefix + "use_rslora"); root && !root->is_null())
        square_root_ = root->as_bool();
      if (const Json* pattern = json.find(prefix + "alpha_pattern"); pattern && pattern->is_object())
        for (const auto& [module, alpha] : pattern->as_object())
          patterns_.emplace_back(module, alpha.as_number());
    }
  }

  // The module's alpha, if the settings say one.
  std::optional<double> alpha(std::string_view module) const {
    for (const auto& [pattern, alpha] : patterns_) {
      std::string_view end = pattern;
      if (end.starts_with('^')) end.remove_prefix(1);
      if (module == end || (module.ends_with(end) && module[module.size() - end.size() - 1] == '.'))
        return alpha;
    }
    return alpha_;
  }
  bool square_root() const { return square_root_; }

 private:
  std::optional<double> alpha_;
  std::vector<std::pair<std::string, double>> patterns_;
  bool square_root_ = false;  // "rank-stabilised": alpha / sqrt(rank)
};

std::string without_ones(const Shape& shape) {
  std::string out;
  for (int64_t extent : shape)
    if (extent != 1) out += std::to_string(extent) + ",";
  return out;
}

class LoraReader {
 public:
  LoraReader(const SafetensorsFile& file, const LoraModel& model)
      : file_(file), model_(model), names_(model), settings_(file) {}

  void read() {
    std::map<std::string, Group, std::less<>> groups;
    for (const TensorInfo& info : file_.tensors()) {
      const auto suffix = std::find_if(kSuffixes.begin(), kSuffixes.end(), [&](const Suffix& s) {
        return std::string_view(info.name).ends_with(s.text);
      });
      if (suffix == kSuffixes.end()) {
        sort_out(info.name);
        continue;
      }
      if (suffix->part == Part::unsupported)
        fail(info.name, "is of a kind that is not supported (only low rank and diff are)");
      const TensorInfo*& slot =
          groups[info.name.substr(0, info.name.size() - suffix->text.size())].slot(suffix->part);
      if (slot) fail(info.name, "says the same as '" + printable(slot->name, 200) + "'");
      slot = &info;
    }
    for (const auto& [module, group] : groups) {
      if (const auto canonical = names_.find(module))
        add(module, *canonical, group);
      else
        for (const std::string& tensor : group.tensors()) sort_out(tensor);
    }
    std::sort(entries.begin(), entries.end(), [](const LoraEntry& a, const LoraEntry& b) {
      return std::pair(std::string_view(a.parameter), a.kind) <
             std::pair(std::string_view(b.parameter), b.kind);
    });
    for (size_t i = 1; i < entries.size(); ++i)
      if (entries[i].parameter == entries[i - 1].parameter && entries[i].kind == entries[i - 1].kind)
        throw InputError("has two entries for '" + entries[i].parameter + "', under different names",
                         file_.path().string(), kRemedy);
  }

  std::vector<LoraEntry> entries;
  std::vector<std::string> unmatched;
  std::vector<std::string> ignored;

 private:
  static constexpr std::string_view kRemedy = "download the LoRA again, or ask its author";

  [[noreturn]] void fail(std::string_view tensor, const std::string& what) const {
    throw InputError("tensor '" + printable(tensor, 200) + "' " + what, file_.path().string(), kRemedy);
  }

  void sort_out(const std::string& tensor) {
    for (const std::string& part : model_.ignorable_parts) {
      auto is_border = [&](size_t i) { return i >= tensor.size() || tensor[i] == '.' || tensor[i] == '_'; };
      const size_t at = tensor.find(part);
      if (at != std::string::npos && (at == 0 || is_border(at - 1)) && is_border(at + part.size())) {
        ignored.push_back(tensor);
        return;
      }
    }
    unmatched.push_back(tensor);
  }

  void add(const std::string& module, const std::string& canonical, const Group& group) {
    if ((group.up != nullptr) != (group.down != nullptr))
      fail((group.up ? group.up : group.down)->name,
           group.up ? "has no 'down' beside it" : "has no 'up' beside it");
    const bool has_delta = group.weight_delta || group.bias_delta || group.modulation_delta;
    if (!group.up && (group.up_bias || (group.alpha && !has_delta)))
      fail((group.up_bias ? group.up_bias : group.alpha)->name, "has no weights beside it");
    double scale = 1;
    if (group.up) scale = add_low_rank(module, canonical, group);
    if (group.up_bias) add_difference(canonical + ".bias", *group.up_bias, scale);
    if (group.weight_delta) {
      const bool is_parameter = model_.parameters.contains(canonical);  // "blocks.0.modulation.diff"
      add_difference(is_parameter ? canonical : canonical + ".weight", *group.weight_delta, 1);
    }
    if (group.bias_delta) add_difference(canonical + ".bias", *group.bias_delta, 1);
    if (group.modulation_delta) add_difference(canonical + ".modulation", *group.modulation_delta, 1);
  }

  void check_floating(const TensorInfo& info) const {
    if (!is_floating(info.dtype))
      fail(info.name, "is of type " + std::string(name_of(info.dtype)) + ", not a floating type");
  }

  // Returns the scale. W: (out, in…)
  double add_low_rank(const std::string& module, const std::string& canonical, const Group& group) {
    const std::string parameter = canonical + ".weight";
    const auto weight = model_.parameters.find(parameter);
    if (weight == model_.parameters.end()) {
      for (const std::string& tensor : group.tensors()) sort_out(tensor);
      return 1;
    }
    check_floating(*group.up);
    check_floating(*group.down);
    const Shape &up = group.up->shape, &down = group.down->shape, &target = weight->second;
    const std::string of = ", but the model's " + parameter + " is " + target.text();
    if (target.rank() < 2) fail(group.up->name, "is low rank" + of);
    const int64_t out = target[0], in = out == 0 ? 0 : target.elements() / out;
    const int64_t rank = down.rank() >= 2 ? down[0] : 0;
    if (rank < 1) fail(group.down->name, "has the shape " + down.text() + ", so a rank of 0");
    if (rank > std::max(in, out)) fail(group.down->name, "has a rank of " + std::to_string(rank) + of);
    if (down.elements() != rank * in) fail(group.down->name, "has the shape " + down.text() + of);
    if (up.rank() < 2 || up[0] != out || up.elements() != out * rank)
      fail(group.up->name, "has the shape " + up.text() + " and its 'down' " + down.text() + of);
    LoraEntry entry{LoraKind::low_rank, parameter, group.down, group.up, nullptr, rank, 1};
    entry.scale = scale_of(module, group, rank);
    entries.push_back(entry);
    return entry.scale;
  }

  double scale_of(const std::string& module, const Group& group, int64_t rank) const {
    std::optional<double> alpha = settings_.alpha(module);
    std::string name = module + " (alpha in the metadata)";
    if (group.alpha) {
      name = group.alpha->name;
      if (group.alpha->shape.elements() != 1)
        fail(name, "has the shape " + group.alpha->shape.text() + ", but alpha is one number");
      alignas(8) std::array<std::byte, 8> bytes{};
      file_.read(*group.alpha, bytes.data());
      float value = 0;
      widen_to_f32(group.alpha->dtype, bytes.data(), &value, 1);
      alpha = value;
    }
    if (!alpha) return 1;
    if (!std::isfinite(*alpha) || *alpha == 0)
      fail(name, "is " + std::to_string(*alpha) + "; alpha must be a finite number other than 0");
    const bool square_root = settings_.square_root() && !group.alpha;
    return *alpha / (square_root ? std::sqrt(static_cast<double>(rank)) : static_cast<double>(rank));
  }

  void add_difference(const std::string& parameter, const TensorInfo& delta, double scale) {
    const auto target = model_.parameters.find(parameter);
    if (target == model_.parameters.end()) {
      sort_out(delta.name);
      return;
    }
    check_floating(delta);
    if (without_ones(delta.shape) != without_ones(target->second))
      fail(delta.name, "has the shape " + delta.shape.text() + ", but the model's " + parameter + " is " +
                           target->second.text());
    entries.push_back({LoraKind::difference, parameter, nullptr, nullptr, &delta, 0, scale});
  }

  const SafetensorsFile& file_;
  const LoraModel& model_;
  ModuleNames names_;
  AdapterSettings settings_;
};

}  // namespace

Lora Lora::open(const fs::path& path, const LoraModel& model, bool allow_partial) {
  Lora out(path);
  LoraReader reader(out.file_, model);
  reader.read();
  std::sort(reader.unmatched.begin(), reader.unmatched.end());
  std::sort(reader.ignored.begin(), reader.ignored.end());
  const std::string count = std::to_string(reader.unmatched.size()) + " of its " +
                            std::to_string(out.file_.tensors().size()) + " tensors";
  if (reader.entries.empty())
    throw InputError("none of the LoRA's tensors belongs to this model: " +
                         join_first(reader.unmatched.empty() ? reader.ignored : reader.unmatched),
                     path.string(), "use a LoRA that was trained for this model");
  if (!reader.unmatched.empty() && !allow_partial)
    throw InputError(count + " belong to no part of this model: " + join_first(reader.unmatched),
                     path.string(), "use a LoRA that was trained for this model");
  out.entries_ = std::move(reader.entries);
  out.unmatched_ = std::move(reader.unmatched);
  out.ignored_ = std::move(reader.ignored);
  return out;
}

void Lora::read(const TensorInfo& tensor, int64_t first, int64_t count, float* out) const {
  constexpr int64_t kBlock = 2048;
  const auto width = static_cast<int64_t>(size_of(tensor.dtype));
  std::array<std::byte, sizeof(double) * kBlock> bytes;
  for (int64_t done = 0; done < count; done += kBlock) {
    const int64_t block = std::min(kBlock, count - done);
    file_.read_part(tensor, static_cast<uint64_t>((first + done) * width),
                    static_cast<uint64_t>(block * width), bytes.data());
    widen_to_f32(tensor.dtype, bytes.data(), out + done, static_cast<size_t>(block));
  }
  if (!std::all_of(out, out + count, [](float value) { return std::isfinite(value); }))
    throw InputError("tensor '" + printable(tensor.name, 200) + "' holds NaN or infinity", path().string(),
                     "download the LoRA again, or ask its author");
}

}  // namespace zoetrope
