// A storyboard: a story as data. It is what a language model writes, what people edit, and what the pipeline
// draws. As JSON:
//   {"title": "…", "idea": "…", "language": "en", "seed": 7,
//    "shots": [{"prompt": "…", "negative_prompt": "…", "narration": "…", "seconds": 3.0, "seed": 9}, …]}
// Only `shots` and each shot's `prompt` must be there. Unknown fields are refused: a misspelt one would
// otherwise be ignored in silence.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/json.h"

namespace zoetrope {

struct Shot {
  std::string prompt;            // what the picture shows; never blank
  std::string negative_prompt;   // what it must not show; may be empty
  std::string narration;         // what the narrator says; empty: a silent shot
  double seconds = 3.0;          // shown at least; the narration may make it longer
  std::optional<uint64_t> seed;  // where missing, it follows from the storyboard's seed and the shot's place

  bool operator==(const Shot&) const = default;
};

struct Storyboard {
  std::string title;
  std::string idea;             // what it was written from; empty where it was written by hand
  std::string language = "en";  // of the narration, a BCP 47 tag
  std::optional<uint64_t> seed;
  std::vector<Shot> shots;

  bool operator==(const Storyboard&) const = default;
};

// What a storyboard may hold. Lengths in bytes of UTF-8.
constexpr size_t kMostShots = 64;
constexpr size_t kMostTitleBytes = 400;
constexpr size_t kMostIdeaBytes = 8000;
constexpr size_t kMostPromptBytes = 4000;  // also of negative_prompt and narration
constexpr size_t kMostLanguageBytes = 35;
constexpr double kLeastSeconds = 0.5;
constexpr double kMostSeconds = 60.0;
constexpr uint64_t kMostSeed = INT64_MAX;
constexpr uint64_t kMostStoryboardBytes = 4u << 20;  // of a file

// Throws InputError for what is missing, unknown, of the wrong type or out of bounds, with the file (as far
// as the value knows it), the field ("shots[2].seconds") and the remedy.
Storyboard read_storyboard(const Json& value);
Storyboard parse_storyboard(std::string_view text, const std::string& where);
Storyboard read_storyboard_file(const fs::path& path);

// The same bounds for a storyboard that was built. `where` names it in errors.
void check_storyboard(const Storyboard& storyboard, std::string_view where);

// Reading what this gives is the same storyboard again, and the same text from that.
Json to_json(const Storyboard& storyboard);
void write_storyboard_file(const fs::path& path, const Storyboard& storyboard);

// The idea in one line: white space and control characters become single spaces, none at the ends. Throws
// InputError where it is blank, longer than kMostIdeaBytes or not UTF-8.
std::string clean_idea(std::string_view idea);

}  // namespace zoetrope
