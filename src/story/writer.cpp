#include "story/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "sampling/token_sampler.h"
#include "story/constrain.h"
#include "text/chat.h"
#include "text/unicode.h"

namespace zoetrope {

namespace {

constexpr int kMostAttempts = 3;
constexpr int64_t kTokensAroundShots = 96;  // an ample title, the braces
constexpr int64_t kTokensOfShot = 160;      // an ample shot

int64_t ample_answer(int64_t shots) { return kTokensAroundShots + kTokensOfShot * shots; }

std::vector<int32_t> prompt_for(std::string_view idea, const WriterOptions& options,
                                const Tokenizer& tokenizer) {
  const ChatMessage messages[] = {
      {ChatRole::system, std::string(writer_instructions())},
      {ChatRole::user, writer_request(idea, options.shots, options.language)},
  };
  return chat_prompt(tokenizer, messages);
}

// The idea's beginning of at most so many bytes, cut at a word where there is one, else at a character.
std::string_view beginning(std::string_view idea, size_t most_bytes) {
  if (most_bytes >= idea.size()) return idea;
  size_t end = most_bytes;
  while (end > 0 && (static_cast<uint8_t>(idea[end]) & 0xC0) == 0x80) --end;
  size_t space = idea.substr(0, end + 1).rfind(' ');
  if (space != std::string_view::npos && space > end / 2) end = space;
  return idea.substr(0, end);
}

// The prompt for as much of the idea as leaves room for an ample answer.
std::vector<int32_t> fitting_prompt(std::string_view idea, const WriterOptions& options,
                                    const Tokenizer& tokenizer, int64_t context) {
  std::vector<int32_t> whole = prompt_for(idea, options, tokenizer);
  auto most = context - std::min(ample_answer(options.shots), context / 2);
  auto fits = [&](const std::vector<int32_t>& ids) { return static_cast<int64_t>(ids.size()) <= most; };
  if (fits(whole)) return whole;
  size_t low = 1, high = idea.size();  // bytes: what fits, at the least, and what does not
  std::vector<int32_t> best = prompt_for(beginning(idea, low), options, tokenizer);
  while (high - low > 8) {
    size_t middle = (low + high) / 2;
    std::vector<int32_t> ids = prompt_for(beginning(idea, middle), options, tokenizer);
    if (fits(ids)) {
      low = middle;
      best = std::move(ids);
    } else {
      high = middle;
    }
  }
  if (fits(best))  // else the story has no room at all, and the constraint says so
    log_warning("the idea is cut to its first {} bytes: the language model holds {} tokens",
                beginning(idea, low).size(), context);
  return best;
}

void check_options(const WriterOptions& options) {
  if (options.shots < kLeastWrittenShots || options.shots > kMostWrittenShots)
    throw InputError(fmt::format("a story is written in {} to {} shots, not {}", kLeastWrittenShots,
                                 kMostWrittenShots, options.shots),
                     "shots", "ask for a number within these bounds");
  // Whatever the model writes, the rest of the storyboard is ours: checked before any time is spent on it.
  check_storyboard(
      Storyboard{.language = options.language, .seed = options.seed, .shots = {Shot{.prompt = "-"}}},
      "options of the story");
}

size_t repeated_shots(const Storyboard& storyboard) {
  std::set<std::string_view> prompts;
  for (const Shot& shot : storyboard.shots) prompts.insert(shot.prompt);
  return storyboard.shots.size() - prompts.size();
}

std::shared_ptr<const TokenTrie> trie_of(const Tokenizer& tokenizer) {
  std::vector<std::string> bytes(static_cast<size_t>(tokenizer.vocab_size()));
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id)
    if (!tokenizer.is_special(id)) bytes[static_cast<size_t>(id)] = tokenizer.token_bytes(id);
  return std::make_shared<const TokenTrie>(std::move(bytes));
}

std::string speak(const std::vector<int32_t>& prompt, uint64_t attempt, const WriterOptions& options,
                  std::shared_ptr<const TokenTrie> vocabulary, TokenModel& model) {
  StoryboardFormat format = options.format;
  format.shots = options.shots;
  // A model with a long context need not use it: no story takes longer than twice an ample answer.
  int64_t room =
      std::min(model.context_limit() - static_cast<int64_t>(prompt.size()), 2 * ample_answer(options.shots));
  StoryboardConstraint constraint(std::move(vocabulary), format, room);
  TokenSampling sampling;
  sampling.temperature = options.temperature;
  sampling.top_p = options.top_p;
  std::span<const float> logits = model.prefill(prompt);
  for (uint64_t position = attempt << 32; !constraint.finished(); ++position) {
    TokenMask mask = constraint.allowed(static_cast<int64_t>(logits.size()));
    int32_t token = pick_token(sampling, options.seed, position, logits, &mask);
    constraint.advance(token);
    if (options.progress) options.progress(constraint.progress());
    if (!constraint.finished()) logits = model.decode(token);
  }
  return constraint.text();
}

}  // namespace

int64_t context_for_story(std::string_view idea, int64_t shots) {
  return 384 + static_cast<int64_t>(std::min(idea.size(), kMostIdeaBytes) / 2) + ample_answer(shots);
}

std::string_view writer_instructions() {
  return "You write storyboards for short videos. Answer with one JSON object and nothing else: "
         R"({"title": text, "shots": [{"prompt": what the picture shows, )"
         R"("negative_prompt": what it must not show, "narration": what the narrator says, "seconds": number}]})";
}

std::string writer_request(std::string_view idea, int64_t shots, std::string_view language) {
  return fmt::format("Idea: {}\nShots: {}\nLanguage: {}", idea, shots, language);
}

Storyboard write_storyboard(std::string_view idea, const WriterOptions& options, const Tokenizer& tokenizer,
                            TokenModel& model) {
  check_options(options);
  const std::string line = clean_idea(idea);
  if (tokenizer.vocab_size() > model.vocabulary_size())
    throw InputError(fmt::format("the tokenizer has {} tokens, but the language model knows {}",
                                 tokenizer.vocab_size(), model.vocabulary_size()),
                     "writer", "use the tokenizer that belongs to the model");
  const std::vector<int32_t> prompt = fitting_prompt(line, options, tokenizer, model.context_limit());
  const auto vocabulary = trie_of(tokenizer);
  Storyboard best;
  for (uint64_t attempt = 0; attempt < kMostAttempts; ++attempt) {
    Storyboard written =
        parse_storyboard(speak(prompt, attempt, options, vocabulary, model), "the language model's answer");
    if (best.shots.empty() || repeated_shots(written) < repeated_shots(best)) best = std::move(written);
    if (repeated_shots(best) == 0 || options.temperature == 0) break;
  }
  if (size_t repeats = repeated_shots(best); repeats > 0)
    log_warning("{} of the story's {} shots repeat another one's prompt", repeats, best.shots.size());
  best.idea = line;
  best.language = options.language;
  best.seed = options.seed;
  check_storyboard(best, "the language model's answer");
  return best;
}

}  // namespace zoetrope
