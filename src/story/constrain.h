// Constrained decoding: at every step of a language model, the tokens after which a valid storyboard is still
// possible, so that any model, however small or random, ends with one, within the tokens it has.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sampling/token_sampler.h"
#include "story/automaton.h"
#include "story/token_trie.h"

namespace zoetrope {

class StoryboardConstraint {
 public:
  // most_tokens: what the model may write. Throws InputError where the vocabulary can't spell a storyboard (a
  // byte of it is no token) or where most_tokens are too few for so many shots; the remedy says how many
  // would fit.
  StoryboardConstraint(std::shared_ptr<const TokenTrie> vocabulary, const StoryboardFormat& format,
                       int64_t most_tokens);

  // The tokens that may come next; never none while not finished. `size` is that of the logits, at least the
  // vocabulary's.
  TokenMask allowed(int64_t size) const;
  // Takes a token. It must be one that is allowed.
  void advance(int32_t token);
  bool finished() const { return automaton_.finished(state_); }
  // The bytes so far: once finished, the storyboard's JSON.
  const std::string& text() const { return text_; }
  // How far the storyboard is, 0 to 1, by its elements.
  double progress() const;

 private:
  using State = StoryboardAutomaton::State;
  // Tokens that surely suffice from the state to the end.
  int64_t tokens_needed(const State& state) const;
  bool take(State& state, std::string_view bytes) const;
  void price_literals();
  void share_tokens();
  void forbid_loops(TokenMask& mask) const;
  bool may_end_token(const State& state) const;
  void find_plain_subtrees();
  bool takes_plain_tokens(bool tight) const;

  std::shared_ptr<const TokenTrie> vocabulary_;
  StoryboardAutomaton automaton_;
  int64_t remaining_;
  bool any_character_ = true;   // every continuation byte of UTF-8 is a token of its own
  std::vector<uint8_t> plain_;  // per node of the trie: every token in its subtree is plain text
  int64_t longest_plain_ = 0;   // bytes
  std::vector<std::vector<int64_t>> literal_cost_;  // per element and position: fewest tokens to its end
  std::vector<int64_t> rest_cost_;                  // per element: tokens from its beginning to the end

  State state_;
  std::string text_;
  std::vector<int32_t> spoken_;  // the tokens of the text that the state is in
  int64_t most_spoken_ = 0;      // after so many the text must close
};

}  // namespace zoetrope
