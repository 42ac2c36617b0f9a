// From an idea to a storyboard, through a language model.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "story/automaton.h"
#include "story/storyboard.h"
#include "text/tokenizer.h"

namespace zoetrope {

// A language model that speaks token by token. The caller owns the choice among its logits.
class TokenModel {
 public:
  virtual ~TokenModel() = default;
  virtual int64_t vocabulary_size() const = 0;  // of the logits; may exceed the tokenizer's
  virtual int64_t context_limit() const = 0;    // tokens that its cache holds, prompt and answer together
  // Forgets what was before and reads a prompt (1 to context_limit ids). Both give the logits behind the last
  // token, (vocabulary_size), valid until the next call.
  virtual std::span<const float> prefill(std::span<const int32_t> ids) = 0;
  virtual std::span<const float> decode(int32_t id) = 0;
};

struct WriterOptions {
  int64_t shots = 3;  // kLeastWrittenShots to kMostWrittenShots
  std::string language = "en";
  uint64_t seed = 0;
  double temperature = 0.7;
  double top_p = 0.9;
  StoryboardFormat format;  // bounds of texts and seconds; its number of shots is not used
  // Called behind every token with how far the storyboard is, 0 to 1. May throw (Interrupted) to stop.
  std::function<void(double)> progress;
};

constexpr int64_t kLeastWrittenShots = 3;
constexpr int64_t kMostWrittenShots = 12;

// What a cache should hold for such a story, where the model allows it: the instructions, the idea (two bytes
// a token, fewer only in rare scripts) and an ample answer.
int64_t context_for_story(std::string_view idea, int64_t shots);

// What the model is told as the system, and as the user for an idea of one line. A model that was trained for
// this program knows these very words.
std::string_view writer_instructions();
std::string writer_request(std::string_view idea, int64_t shots, std::string_view language);

// Writes a storyboard: valid whatever the model says (see constrain.h). The same idea, options, model and
// tokenizer give the same storyboard. An idea too long for the model's context is cut at a word, with a
// warning; an answer in which two shots are the same is written anew, at most twice. Throws InputError for an
// idea that is blank, too long or not UTF-8, for a number of shots or a language that is out of bounds, for a
// tokenizer without a known chat format, and where the context has no room for so many shots.
Storyboard write_storyboard(std::string_view idea, const WriterOptions& options, const Tokenizer& tokenizer,
                            TokenModel& model);

}  // namespace zoetrope
