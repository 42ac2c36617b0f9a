// Constrained decoding: at every step of a language model, the tokens after which a valid storyboard is still
// possible, so that any model, however small or random, ends with one, within the tokens it has.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "story/automaton.h"
#include "story/token_trie.h"

namespace zoetrope {

// One bit a token, in words of 64.
class TokenMask {
 public:
  void reset(int64_t size) {
    size_ = size;
    words_.assign(static_cast<size_t>((size + 63) / 64), 0);
  }
  void allow(int64_t id) { words_[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64); }
  void forbid(int64_t id) { words_[static_cast<size_t>(id) / 64] &= ~(uint64_t{1} << (id % 64)); }
  bool allows(int64_t id) const { return words_[static_cast<size_t>(id) / 64] >> (id % 64) & 1; }
  int64_t size() const { return size_; }
  int64_t count() const;
  // The words, for a sampler: bit id % 64 of word id / 64.
  const std::vector<uint64_t>& words() const { return words_; }
  std::vector<uint64_t>& words() { return words_; }

 private:
  int64_t size_ = 0;
  std::vector<uint64_t> words_;
};

class StoryboardConstraint {
 public:
  // end_token closes the answer. most_tokens, end included, is what the model may still write. Throws
  // InputError where the vocabulary can't spell a storyboard (a byte of it is no token) or where most_tokens
  // are too few for one of so many shots; the remedy says how many shots would fit.
  StoryboardConstraint(std::shared_ptr<const TokenTrie> vocabulary, const StoryboardFormat& format,
                       int32_t end_token, int64_t most_tokens);

  // The tokens that may come next; never none while not finished. The mask has the vocabulary's size.
  void allowed(TokenMask& mask) const;
  // Takes a token. It must be one that is allowed.
  void advance(int32_t token);
  bool finished() const { return ended_; }
  // The bytes so far: once finished, the storyboard's JSON.
  const std::string& text() const { return text_; }
  // How far the storyboard is, 0 to 1, by its elements.
  double progress() const;

 private:
  using State = StoryboardAutomaton::State;
  // Tokens that surely suffice from the state to the end, the end token included.
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
  int32_t end_token_;
  int64_t remaining_;
  bool any_character_ = true;   // every continuation byte of UTF-8 is a token of its own
  std::vector<uint8_t> plain_;  // per node of the trie: every token in its subtree is plain text
  int64_t longest_plain_ = 0;   // bytes
  std::vector<std::vector<int64_t>> literal_cost_;  // per element and position: fewest tokens to its end
  std::vector<int64_t> rest_cost_;                  // per element: tokens from its beginning to the end

  State state_;
  bool ended_ = false;
  std::string text_;
  std::vector<int32_t> spoken_;  // the tokens of the text that the state is in
  int64_t most_spoken_ = 0;      // after so many the text must close
};

}  // namespace zoetrope
