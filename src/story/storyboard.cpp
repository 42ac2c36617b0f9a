#include "story/storyboard.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "text/unicode.h"

namespace zoetrope {

namespace {

// Line breaks and tabs are white space in prompts and narrations; in titles and languages they are not
// allowed.
enum class Lines { one, many };

bool is_control(uint32_t code_point) {
  return code_point < 0x20 || (code_point >= 0x7F && code_point <= 0x9F);
}

bool is_blank(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    uint32_t code_point = next_code_point(text, i);
    // Zero-width characters and the byte order mark show nothing either.
    bool invisible = is_white_space(code_point) || is_control(code_point) ||
                     (code_point >= 0x200B && code_point <= 0x200F) || code_point == 0x2060 ||
                     code_point == 0xFEFF;
    if (!invisible) return false;
  }
  return true;
}

void check_text(std::string_view text, size_t most_bytes, Lines lines, const std::string& where) {
  if (text.size() > most_bytes)
    throw InputError(
        fmt::format("the text is {} bytes long; at most {} are allowed", text.size(), most_bytes), where,
        "shorten it");
  size_t bad = first_invalid_utf8(text);
  if (bad != std::string_view::npos)
    throw InputError(fmt::format("the text is not valid UTF-8 at byte {}", bad), where, "save it as UTF-8");
  for (size_t i = 0; i < text.size();) {
    size_t at = i;
    uint32_t code_point = next_code_point(text, i);
    bool white = code_point == '\n' || code_point == '\t' || code_point == '\r';
    if (is_control(code_point) && !(white && lines == Lines::many))
      throw InputError(fmt::format("the text has the control character U+{:04X} at byte {}", code_point, at),
                       where, "remove it");
  }
}

void check_language(const std::string& language, const std::string& where) {
  auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  if (language.empty() || language.size() > kMostLanguageBytes ||
      !std::all_of(language.begin(), language.end(), allowed) || language.front() == '-' ||
      language.back() == '-')
    throw InputError("'" + printable(language, 60) + "' is no language tag", where,
                     "write one such as en, de or pt-BR");
}

void check_seconds(double seconds, const std::string& where) {
  if (!(seconds >= kLeastSeconds && seconds <= kMostSeconds))  // also NaN
    throw InputError(fmt::format("{} seconds is outside {} to {}", seconds, kLeastSeconds, kMostSeconds),
                     where, "give the shot a length within these bounds");
}

void check_shot(const Shot& shot, const std::string& prefix) {
  auto at = [&](const char* field) { return prefix + field + "'"; };
  check_text(shot.prompt, kMostPromptBytes, Lines::many, at("prompt"));
  if (is_blank(shot.prompt))
    throw InputError("the prompt is blank", at("prompt"), "say what the picture shows");
  check_text(shot.negative_prompt, kMostPromptBytes, Lines::many, at("negative_prompt"));
  check_text(shot.narration, kMostPromptBytes, Lines::many, at("narration"));
  check_seconds(shot.seconds, at("seconds"));
  if (shot.seed && *shot.seed > kMostSeed)
    throw InputError(fmt::format("the seed {} is too large", *shot.seed), at("seed"),
                     fmt::format("use a whole number from 0 to {}", kMostSeed));
}

// Levenshtein's distance; names are short.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 0; j < b.size(); ++j) {
      size_t next = std::min({row[j] + 1, row[j + 1] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
      diagonal = row[j + 1];
      row[j + 1] = next;
    }
  }
  return row.back();
}

void refuse_unknown(const Json& value, const std::vector<std::string>& known, std::string_view what) {
  for (const Json::Member& field : value.as_object()) {
    const std::string& key = field.first;
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string remedy = "remove it; the fields are: " + join_first(known);
    if (key.size() <= 40) {
      auto nearest = std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
        return distance(key, a) < distance(key, b);
      });
      if (distance(key, *nearest) <= std::max<size_t>(2, nearest->size() / 3))
        remedy = "did you mean '" + *nearest + "'?";
    }
    throw InputError(fmt::format("{} has the unknown field '{}'", what, printable(key, 80)), value.where(),
                     remedy);
  }
}

std::optional<uint64_t> read_seed(const Json& value) {
  const Json* seed = value.find("seed");
  if (!seed || seed->is_null()) return std::nullopt;
  if (!seed->is_integer() || seed->as_integer() < 0)
    throw InputError("a seed must be a whole number that is not negative", seed->where(),
                     fmt::format("use one from 0 to {}", kMostSeed));
  return static_cast<uint64_t>(seed->as_integer());
}

Shot read_shot(const Json& value) {
  refuse_unknown(value, {"prompt", "negative_prompt", "narration", "seconds", "seed"}, "a shot");
  Shot shot;
  shot.prompt = value.at("prompt").as_string();
  shot.negative_prompt = value.string_or("negative_prompt", "");
  shot.narration = value.string_or("narration", "");
  shot.seconds = value.number_or("seconds", shot.seconds);
  shot.seed = read_seed(value);
  return shot;
}

}  // namespace

void check_storyboard(const Storyboard& storyboard, std::string_view where) {
  std::string prefix = (where.empty() ? std::string() : std::string(where) + ": ") + "field '";
  check_text(storyboard.title, kMostTitleBytes, Lines::one, prefix + "title'");
  check_text(storyboard.idea, kMostIdeaBytes, Lines::many, prefix + "idea'");
  check_language(storyboard.language, prefix + "language'");
  if (storyboard.seed && *storyboard.seed > kMostSeed)
    throw InputError(fmt::format("the seed {} is too large", *storyboard.seed), prefix + "seed'",
                     fmt::format("use a whole number from 0 to {}", kMostSeed));
  if (storyboard.shots.empty() || storyboard.shots.size() > kMostShots)
    throw InputError(
        fmt::format("a storyboard has 1 to {} shots, not {}", kMostShots, storyboard.shots.size()),
        prefix + "shots'", storyboard.shots.empty() ? "add a shot" : "split the story");
  for (size_t i = 0; i < storyboard.shots.size(); ++i)
    check_shot(storyboard.shots[i], fmt::format("{}shots[{}].", prefix, i));
}

Storyboard read_storyboard(const Json& value) {
  refuse_unknown(value, {"title", "idea", "language", "seed", "shots"}, "the storyboard");
  Storyboard storyboard;
  storyboard.title = value.string_or("title", "");
  storyboard.idea = value.string_or("idea", "");
  storyboard.language = value.string_or("language", storyboard.language);
  storyboard.seed = read_seed(value);
  const Json& shots = value.at("shots");
  if (shots.as_array().size() > kMostShots)  // before any of them is read
    throw InputError(
        fmt::format("a storyboard has 1 to {} shots, not {}", kMostShots, shots.as_array().size()),
        shots.where(), "split the story");
  for (const Json& shot : shots.as_array()) storyboard.shots.push_back(read_shot(shot));
  std::string file = value.where();
  check_storyboard(storyboard, file);
  return storyboard;
}

Storyboard parse_storyboard(std::string_view text, const std::string& where) {
  if (text.size() > kMostStoryboardBytes)
    throw InputError(fmt::format("the file is {} bytes long; a storyboard has at most {}", text.size(),
                                 kMostStoryboardBytes),
                     where, "is it a storyboard at all?");
  return read_storyboard(Json::parse(text, where));
}

Storyboard read_storyboard_file(const fs::path& path) {
  return parse_storyboard(read_file(path, kMostStoryboardBytes), path.string());
}

Json to_json(const Storyboard& storyboard) {
  Json out = Json::object();
  out.set("title", storyboard.title);
  if (!storyboard.idea.empty()) out.set("idea", storyboard.idea);
  out.set("language", storyboard.language);
  if (storyboard.seed) out.set("seed", *storyboard.seed);
  Json shots = Json::array();
  for (const Shot& shot : storyboard.shots) {
    Json one = Json::object();
    one.set("prompt", shot.prompt);
    one.set("negative_prompt", shot.negative_prompt);
    one.set("narration", shot.narration);
    one.set("seconds", shot.seconds);
    if (shot.seed) one.set("seed", *shot.seed);
    shots.push_back(std::move(one));
  }
  out.set("shots", std::move(shots));
  return out;
}

void write_storyboard_file(const fs::path& path, const Storyboard& storyboard) {
  check_storyboard(storyboard, path.string());
  write_file_atomically(path, to_json(storyboard).dump(2) + "\n");
}

std::string clean_idea(std::string_view idea) {
  const std::string where = "the idea";
  if (idea.size() > kMostIdeaBytes)
    throw InputError(
        fmt::format("the idea is {} bytes long; at most {} are allowed", idea.size(), kMostIdeaBytes), where,
        "tell it in fewer words");
  size_t bad = first_invalid_utf8(idea);
  if (bad != std::string_view::npos)
    throw InputError(fmt::format("the idea is not valid UTF-8 at byte {}", bad), where, "type it in UTF-8");
  std::string out;
  bool gap = false;
  for (size_t i = 0; i < idea.size();) {
    size_t at = i;
    uint32_t code_point = next_code_point(idea, i);
    if (is_white_space(code_point) || is_control(code_point)) {
      gap = !out.empty();
      continue;
    }
    if (gap) out += ' ';
    gap = false;
    out += idea.substr(at, i - at);
  }
  if (is_blank(out))
    throw InputError("the idea is empty", where, "say in a sentence what the story is about");
  return out;
}

}  // namespace zoetrope
