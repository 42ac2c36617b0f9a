#include "formats/lora_argument.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include "base/error.h"

namespace zoetrope {
namespace {

constexpr std::string_view kForm = "the form is FILE[:strength][@high|low|both]";
constexpr double kMostStrength = 1000;

[[noreturn]] void fail(const std::string& what, std::string_view argument) {
  throw UsageError(what, "--lora " + std::string(argument), kForm);
}

std::optional<LoraExpert> expert_of(std::string_view word) {
  for (LoraExpert expert : {LoraExpert::both, LoraExpert::high, LoraExpert::low})
    if (word == name_of(expert)) return expert;
  return std::nullopt;
}

bool is_part_of_path(std::string_view text) { return text.find_first_of("/\\") != std::string_view::npos; }

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Is `word` in `name` as a word of its own? Lower and upper case count as the borders of words: "HighNoise"
// has "high", "highlights" and "yellow" have neither "high" nor "low".
bool has_word(std::string_view name, std::string_view word) {
  auto lower = [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); };
  auto is_lower = [&](size_t i) { return i < name.size() && name[i] >= 'a' && name[i] <= 'z'; };
  auto is_upper = [&](size_t i) { return i < name.size() && name[i] >= 'A' && name[i] <= 'Z'; };
  for (size_t i = 0; i + word.size() <= name.size(); ++i) {
    bool same = true;
    for (size_t k = 0; k < word.size() && same; ++k) same = lower(name[i + k]) == word[k];
    if (!same) continue;
    const size_t next = i + word.size();
    const bool starts = i == 0 || !(is_lower(i - 1) || is_upper(i - 1)) || (is_lower(i - 1) && is_upper(i));
    const bool ends = !(is_lower(next) || is_upper(next)) || (is_lower(next - 1) && is_upper(next));
    std::string rest;
    for (size_t k = next; k < name.size() && k < next + 5; ++k) rest += lower(name[k]);
    if (starts && (ends || rest == "noise")) return true;
  }
  return false;
}

}  // namespace

std::string_view name_of(LoraExpert expert) {
  return expert == LoraExpert::both ? "both" : expert == LoraExpert::high ? "high" : "low";
}

LoraArgument parse_lora_argument(std::string_view argument) {
  LoraArgument out;
  std::string_view rest = argument;
  if (const size_t at = rest.rfind('@'); at != std::string_view::npos && !is_part_of_path(rest.substr(at))) {
    const std::string_view word = rest.substr(at + 1);
    out.expert = expert_of(word);
    if (out.expert) {
      rest = rest.substr(0, at);
    } else if (const size_t colon = word.find(':');
               colon != std::string_view::npos && expert_of(word.substr(0, colon))) {
      fail("the strength stands behind the expert", argument);
    } else if (word.find('.') == std::string_view::npos) {
      fail("the expert '" + std::string(word) + "' is none of high, low and both", argument);
    }
  }
  if (const size_t colon = rest.rfind(':');
      colon != std::string_view::npos && !is_part_of_path(rest.substr(colon))) {
    const std::string_view text = rest.substr(colon + 1);
    if (const auto strength = number_of(text)) {
      if (!std::isfinite(*strength) || std::abs(*strength) > kMostStrength)
        fail("the strength " + std::string(text) + " is not a number between -1000 and 1000", argument);
      out.strength = *strength;
      rest = rest.substr(0, colon);
    } else if (!text.ends_with(".safetensors")) {
      fail("the strength '" + std::string(text) + "' is not a number", argument);
    }
  }
  if (rest.empty()) fail("no file is named", argument);
  out.file = rest;
  return out;
}

std::vector<LoraArgument> parse_lora_arguments(std::span<const std::string> arguments) {
  std::vector<LoraArgument> out;
  for (const std::string& argument : arguments) {
    LoraArgument lora = parse_lora_argument(argument);
    auto expert = [](const LoraArgument& of) {
      return of.expert.value_or(expert_from_name(of.file).value_or(LoraExpert::both));
    };
    for (const LoraArgument& other : out) {
      const bool overlap = expert(lora) == expert(other) || expert(lora) == LoraExpert::both ||
                           expert(other) == LoraExpert::both;
      std::error_code ignored;
      const bool same =
          lora.file == other.file || std::filesystem::equivalent(lora.file, other.file, ignored);
      if (same && overlap)
        throw UsageError("the same LoRA is given twice for one expert", "--lora " + argument,
                         "give it once, with the strength that it should have");
    }
    out.push_back(std::move(lora));
  }
  return out;
}

std::optional<LoraExpert> expert_from_name(const std::filesystem::path& file) {
  const std::string name = file.filename().string();
  const bool high = has_word(name, "high"), low = has_word(name, "low");
  if (high == low) return std::nullopt;
  return high ? LoraExpert::high : LoraExpert::low;
}

}  // namespace zoetrope
