#include "story/constrain.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "text/unicode.h"

namespace zoetrope {

namespace {

// A token can make the rest dearer: it may leave a literal where no long token goes on (22 bytes at most), an
// escape or a character open (6).
constexpr int64_t kSlack = 32;
constexpr size_t kLongestLoop = 24;  // tokens

// Whether every text with room takes these bytes, unless they go on with what the text ends with: whole
// visible characters, nothing to escape, no longer run of one character than texts may have.
bool is_plain(std::string_view bytes) {
  if (first_invalid_utf8(bytes) != std::string_view::npos) return false;
  uint32_t last = 0;
  int run = 0;
  for (size_t i = 0; i < bytes.size();) {
    uint32_t code_point = next_code_point(bytes, i);
    if (code_point < 0x20 || code_point == '"' || code_point == '\\' ||
        (code_point >= 0x7F && code_point <= 0x9F))
      return false;
    run = code_point == last ? run + 1 : 1;
    if (run > 3 || (run > 1 && code_point == ' ')) return false;
    last = code_point;
  }
  return true;
}

using Kind = StoryboardAutomaton::Kind;

}  // namespace

StoryboardConstraint::StoryboardConstraint(std::shared_ptr<const TokenTrie> vocabulary,
                                           const StoryboardFormat& format, int64_t most_tokens)
    : vocabulary_(std::move(vocabulary)), automaton_(format), remaining_(most_tokens) {
  std::string missing;
  for (uint8_t byte = 0x20; byte < 0x7F; ++byte) {
    bool must = std::string_view("{}[]\":,._\\/").find(static_cast<char>(byte)) != std::string_view::npos ||
                (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    if (must && !vocabulary_->has_byte(byte)) missing += static_cast<char>(byte);
  }
  if (!missing.empty())
    throw InputError("the tokenizer has no token for each of these characters: " + missing, "tokenizer",
                     "a storyboard is written as JSON; use a model whose tokenizer can spell it");
  for (int byte = 0x80; byte <= 0xBF; ++byte)
    any_character_ = any_character_ && vocabulary_->has_byte(static_cast<uint8_t>(byte));
  find_plain_subtrees();
  price_literals();
  int64_t needed = rest_cost_[0];
  if (needed > remaining_) {
    int64_t fixed = rest_cost_[0] - rest_cost_[2];  // the title
    int64_t per_shot = format.shots > 1 ? rest_cost_[2] / format.shots : rest_cost_[2];
    int64_t fitting = std::max<int64_t>(0, (remaining_ - fixed) / std::max<int64_t>(1, per_shot));
    throw InputError(
        fmt::format("{} shots take at least {} tokens, but the language model has room for {} more",
                    format.shots, needed, std::max<int64_t>(0, remaining_)),
        "storyboard",
        fitting > 0 ? fmt::format("ask for at most {} shots, or shorten the idea", fitting)
                    : std::string("shorten the idea, or use a model with a longer context"));
  }
}

void StoryboardConstraint::price_literals() {
  const auto& elements = automaton_.elements();
  literal_cost_.resize(elements.size());
  rest_cost_.assign(elements.size() + 1, 0);
  for (size_t e = elements.size(); e-- > 0;) {
    const auto& element = elements[e];
    if (element.kind != Kind::literal) {
      State state;
      state.element = static_cast<uint16_t>(e);
      rest_cost_[e] = rest_cost_[e + 1] + automaton_.bytes_to_close(state);
      continue;
    }
    const std::string& text = element.literal;
    auto& cost = literal_cost_[e];
    cost.assign(text.size() + 1, 0);
    for (size_t p = text.size(); p-- > 0;) {
      cost[p] = cost[p + 1] + 1;  // its byte alone is a token
      // Down the trie along the text: nodes in preorder, so children of a node lie behind it.
      auto nodes = vocabulary_->nodes();
      uint32_t begin = 0, end = static_cast<uint32_t>(nodes.size());
      for (size_t q = p; q < text.size(); ++q) {
        uint32_t child = begin;
        while (child < end && nodes[child].byte != static_cast<uint8_t>(text[q])) child = nodes[child].end;
        if (child >= end) break;
        if (nodes[child].token_count > 0) cost[p] = std::min(cost[p], cost[q + 1] + 1);
        begin = child + 1;
        end = nodes[child].end;
      }
    }
    rest_cost_[e] = rest_cost_[e + 1] + cost[0];
  }
}

int64_t StoryboardConstraint::tokens_needed(const State& state) const {
  if (automaton_.finished(state)) return 0;
  const auto& cost = literal_cost_[state.element];
  int64_t here = cost.empty() ? automaton_.bytes_to_close(state) : cost[state.position];
  return here + rest_cost_[state.element + 1u];
}

// A character may be left open at a token's end only where every byte that could go on is a token.
bool StoryboardConstraint::may_end_token(const State& state) const {
  return any_character_ || state.pending == 0;
}

void StoryboardConstraint::find_plain_subtrees() {
  auto nodes = vocabulary_->nodes();
  plain_.assign(nodes.size(), 1);
  for (size_t i = nodes.size(); i-- > 0;) {  // children lie behind their parents
    for (int32_t token : vocabulary_->tokens(nodes[i])) {
      std::string_view bytes = vocabulary_->bytes(token);
      if (!is_plain(bytes))
        plain_[i] = 0;
      else
        longest_plain_ = std::max(longest_plain_, static_cast<int64_t>(bytes.size()));
    }
    for (size_t child = i + 1; plain_[i] && child < nodes[i].end; child = nodes[child].end)
      plain_[i] = plain_[child];
  }
}

// Whether every plain token fits that does not begin as the text ends.
bool StoryboardConstraint::takes_plain_tokens(bool tight) const {
  return !tight && automaton_.in_text(state_) && !state_.closing && state_.pending == 0 &&
         state_.escape == 0 && automaton_.has_room_for(state_, longest_plain_);
}

TokenMask StoryboardConstraint::allowed(int64_t size) const {
  TokenMask mask(static_cast<size_t>(std::max(size, vocabulary_->size())));
  auto allow = [&](int32_t token) { mask.allow(static_cast<size_t>(token)); };
  if (finished()) return mask;
  bool tight = remaining_ < tokens_needed(state_) + kSlack;
  auto nodes = vocabulary_->nodes();
  std::vector<State> path(TokenTrie::kMostDepth + 1);
  path[0] = state_;
  // Most of a large vocabulary is plain text: whole subtrees of it are allowed at once.
  const bool takes_plain = takes_plain_tokens(tight);
  std::string last;
  if (takes_plain && state_.last > 0) append_utf8(last, state_.last);
  bool bulk = false;
  for (uint32_t i = 0; i < nodes.size();) {
    const TokenTrie::Node& node = nodes[i];
    if (node.depth == 1) {
      bool goes_on = !last.empty() && node.byte == static_cast<uint8_t>(last[0]);
      bulk = takes_plain && !goes_on && (node.byte != ' ' || state_.position > 0);
    }
    if (bulk && plain_[i]) {
      for (int32_t token : vocabulary_->tokens_below(node)) allow(token);
      i = node.end;
      continue;
    }
    State& state = path[node.depth];
    state = path[node.depth - 1u];
    if (!automaton_.step(state, node.byte)) {
      i = node.end;
      continue;
    }
    if (node.token_count > 0 && may_end_token(state) && (!tight || tokens_needed(state) + 1 <= remaining_))
      for (int32_t token : vocabulary_->tokens(node)) allow(token);
    ++i;
  }
  if (!tight) forbid_loops(mask);
  return mask;
}

// No third repetition in a row of the same tokens within a text.
void StoryboardConstraint::forbid_loops(TokenMask& mask) const {
  if (!automaton_.in_text(state_) || state_.closing || state_.pending > 0 || state_.escape > 0) return;
  size_t size = spoken_.size();
  for (size_t period = 1; period <= kLongestLoop && 3 * period <= size + 1; ++period) {
    bool loops = true;
    for (size_t i = 1; loops && i < 2 * period; ++i) loops = spoken_[size - i] == spoken_[size - i - period];
    // Never the last one: where it is allowed, so are the letters that a text may go on with.
    if (loops) mask.forbid(static_cast<size_t>(spoken_[size - period]));
  }
}

bool StoryboardConstraint::take(State& state, std::string_view bytes) const {
  return std::all_of(bytes.begin(), bytes.end(),
                     [&](char c) { return automaton_.step(state, static_cast<uint8_t>(c)); });
}

void StoryboardConstraint::advance(int32_t token) {
  if (finished() || token < 0 || token >= vocabulary_->size())
    throw InternalError("a token that is not allowed");
  --remaining_;
  std::string_view bytes = vocabulary_->bytes(token);
  State next = state_;
  if (bytes.empty() || !take(next, bytes)) throw InternalError("a token that is not allowed");
  text_ += bytes;
  bool moved = next.element != state_.element;
  bool in_text = automaton_.in_text(next);
  state_ = next;
  if (moved) {
    spoken_.clear();
    if (in_text) share_tokens();
  }
  if (!in_text) return;
  spoken_.push_back(token);
  if (static_cast<int64_t>(spoken_.size()) > most_spoken_) state_.closing = true;
}

// What a text may take of the tokens that nobody needs: its share against the texts behind it.
void StoryboardConstraint::share_tokens() {
  const auto& elements = automaton_.elements();
  double behind = 0;
  for (size_t e = state_.element; e < elements.size(); ++e) behind += elements[e].bounds.share;
  int64_t free = std::max<int64_t>(0, remaining_ - tokens_needed(state_) - kSlack);
  const TextBounds& bounds = elements[state_.element].bounds;
  most_spoken_ =
      bounds.least_letters + static_cast<int64_t>(static_cast<double>(free) * bounds.share / behind);
}

double StoryboardConstraint::progress() const {
  return static_cast<double>(state_.element) / static_cast<double>(automaton_.elements().size());
}

}  // namespace zoetrope
