// How a LoRA is asked for: FILE[:strength][@high|low|both].
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zoetrope {

// Of a model with two experts: the one that a LoRA is for.
enum class LoraExpert { both, high, low };
std::string_view name_of(LoraExpert expert);

struct LoraArgument {
  std::filesystem::path file;
  double strength = 1;
  std::optional<LoraExpert> expert;  // none: infer it from the file's name
};

// Throws UsageError naming the part that makes no sense. A colon or an @ that is followed by a path's own
// characters (a slash, a name with an extension) belongs to the path: "C:\x.safetensors",
// "a@b/x.safetensors".
LoraArgument parse_lora_argument(std::string_view argument);

// All of a command's; the same file twice for one expert is a UsageError.
std::vector<LoraArgument> parse_lora_arguments(std::span<const std::string> arguments);

// high or low where the file's name says so as a word of its own ("high_noise", "HighNoise", "_HIGH", "low"),
// none where it says neither or both.
std::optional<LoraExpert> expert_from_name(const std::filesystem::path& file);

}  // namespace zoetrope
