#include "story/automaton.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace zoetrope {

namespace {

constexpr uint8_t kMostRun = 3;  // "aaaa" says nothing
constexpr int64_t kLongestCharacter = 4;

bool is_letter(uint32_t c) {
  if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  // Scripts, without the blocks that are all spaces, marks, punctuation and symbols.
  if (c < 0xC0 || c == 0xD7 || c == 0xF7 || (c >= 0x2B0 && c < 0x370)) return false;
  if (c == 0x1680 || c == 0x180E || c == 0x115F || c == 0x1160 || c == 0x3164) return false;
  return c < 0x2000 || (c >= 0x3041 && c < 0xD7A4) || (c >= 0x20000 && c < 0x32000);
}

int hex_value(uint8_t byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return -1;
}

}  // namespace

StoryboardAutomaton::StoryboardAutomaton(const StoryboardFormat& format) {
  if (format.shots < 1 || format.shots > 64) throw InternalError("a storyboard's format has 1 to 64 shots");
  auto literal = [&](std::string text) { elements_.push_back({Kind::literal, std::move(text)}); };
  auto text = [&](const TextBounds& bounds) { elements_.push_back({Kind::text, "", bounds}); };
  literal(R"({"title":")");
  text(format.title);
  for (int64_t i = 0; i < format.shots; ++i) {
    literal(i == 0 ? R"(","shots":[{"prompt":")" : R"(},{"prompt":")");
    text(format.prompt);
    literal(R"(","negative_prompt":")");
    text(format.negative_prompt);
    literal(R"(","narration":")");
    text(format.narration);
    literal(R"(","seconds":)");
    elements_.push_back({Kind::number, ""});
  }
  literal("}]}");

  auto first = static_cast<int64_t>(std::ceil(std::clamp(format.least_seconds, 0.5, 60.0) * 2));
  auto last = static_cast<int64_t>(std::floor(std::clamp(format.most_seconds, 0.5, 60.0) * 2));
  numbers_.push_back({});
  numbers_[0].next.fill(-1);
  for (int64_t halves = first; halves <= std::max(first, last); ++halves)
    add_number(halves % 2 ? fmt::format("{}.5", halves / 2) : fmt::format("{}", halves / 2));
  for (size_t i = numbers_.size(); i-- > 0;) {  // children come behind their parents
    if (numbers_[i].whole) continue;
    uint8_t least = 255;
    for (int16_t next : numbers_[i].next)
      if (next >= 0) least = std::min(least, numbers_[static_cast<size_t>(next)].missing);
    numbers_[i].missing = static_cast<uint8_t>(least + 1);
  }
}

void StoryboardAutomaton::add_number(const std::string& text) {
  size_t node = 0;
  for (char c : text) {
    size_t slot = c == '.' ? 10 : static_cast<size_t>(c - '0');
    if (numbers_[node].next[slot] < 0) {
      numbers_[node].next[slot] = static_cast<int16_t>(numbers_.size());
      numbers_.push_back({});
      numbers_.back().next.fill(-1);
    }
    node = static_cast<size_t>(numbers_[node].next[slot]);
  }
  numbers_[node].whole = true;
}

void StoryboardAutomaton::enter(State& state, size_t element, size_t position) const {
  state = State{};
  state.element = static_cast<uint16_t>(element);
  state.position = static_cast<uint16_t>(position);
}

bool StoryboardAutomaton::step(State& state, uint8_t byte) const {
  if (finished(state)) return false;
  const Element& element = elements_[state.element];
  if (element.kind == Kind::text) return step_text(state, byte);
  if (element.kind == Kind::number) return step_number(state, byte);
  if (static_cast<uint8_t>(element.literal[state.position]) != byte) return false;
  if (++state.position == element.literal.size()) enter(state, state.element + 1u, 0);
  return true;
}

bool StoryboardAutomaton::step_number(State& state, uint8_t byte) const {
  const NumberNode& node = numbers_[state.position];
  if (byte == '}') {  // the first byte of the literal behind it
    if (!node.whole) return false;
    enter(state, state.element + 1u, 1);
    return true;
  }
  if (byte != '.' && (byte < '0' || byte > '9')) return false;
  int16_t next = node.next[byte == '.' ? 10 : byte - '0'];
  if (next < 0) return false;
  state.position = static_cast<uint16_t>(next);
  return true;
}

// Whether so many bytes fit, and behind them what the text still owes: letters, and none may end in a space.
bool StoryboardAutomaton::has_room(const State& state, int64_t bytes, bool letter) const {
  const TextBounds& bounds = elements_[state.element].bounds;
  int64_t owed = std::max<int64_t>(0, int64_t{bounds.least_letters} - state.letters - (letter ? 1 : 0));
  return state.position + bytes + owed <= bounds.most_bytes;
}

bool StoryboardAutomaton::end_character(State& state, uint32_t code_point) const {
  if (code_point == state.last && !state.closing) {
    if (state.run >= kMostRun) return false;
    ++state.run;
  } else {
    state.run = 1;
  }
  state.last = code_point;
  if (is_letter(code_point) && state.letters < 255) ++state.letters;
  return true;
}

bool StoryboardAutomaton::begin_character(State& state, uint8_t byte) const {
  uint8_t more = 0;
  uint8_t low = 0x80, high = 0xBF;
  if (byte >= 0xC2 && byte <= 0xDF) {
    more = 1;
    if (byte == 0xC2) low = 0xA0;  // no C1 control characters
  } else if (byte >= 0xE0 && byte <= 0xEF) {
    more = 2;
    if (byte == 0xE0) low = 0xA0;   // no overlong forms
    if (byte == 0xED) high = 0x9F;  // no surrogates
  } else if (byte >= 0xF0 && byte <= 0xF4) {
    more = 3;
    if (byte == 0xF0) low = 0x90;
    if (byte == 0xF4) high = 0x8F;
  } else {
    return false;
  }
  if (!has_room(state, more + 1, false)) return false;
  state.pending = more;
  state.low = low;
  state.high = high;
  state.code_point = byte & (0x3Fu >> more);
  ++state.position;
  return true;
}

bool StoryboardAutomaton::step_text(State& state, uint8_t byte) const {
  if (state.pending > 0) {
    if (byte < state.low || byte > state.high) return false;
    state.low = 0x80;
    state.high = 0xBF;
    state.code_point = state.code_point << 6 | (byte & 0x3Fu);
    ++state.position;
    return --state.pending > 0 || end_character(state, state.code_point);
  }
  if (state.escape > 0) return step_escape(state, byte);
  const TextBounds& bounds = elements_[state.element].bounds;
  bool spaced = state.last == ' ';
  if (byte == '"') {
    if (state.letters < bounds.least_letters || spaced) return false;
    enter(state, state.element + 1u, 1);
    return true;
  }
  if (byte < 0x20 || byte == 0x7F) return false;
  if (byte >= 0x80) return !state.closing && begin_character(state, byte);
  bool letter = is_letter(byte);
  if (state.closing && !(letter && (spaced || state.letters < bounds.least_letters))) return false;
  if (byte == '\\') {
    if (!has_room(state, 2, false)) return false;
    state.escape = 1;
    ++state.position;
    return true;
  }
  if (byte == ' ') {
    if (state.position == 0 || spaced || !has_room(state, kNoSpaceZone, false)) return false;
  } else if (!has_room(state, 1, letter)) {
    return false;
  }
  ++state.position;
  return end_character(state, byte);
}

bool StoryboardAutomaton::step_escape(State& state, uint8_t byte) const {
  ++state.position;
  if (state.escape == 1) {
    if (byte == 'u') {
      if (state.closing || !has_room(state, kLongestCharacter, false)) return false;
      state.escape = 2;
      state.code_point = 0;
      return true;
    }
    state.escape = 0;
    return (byte == '"' || byte == '\\' || byte == '/') && end_character(state, byte);
  }
  int digit = hex_value(byte);
  if (digit < 0) return false;
  state.code_point = state.code_point << 4 | static_cast<uint32_t>(digit);
  ++state.escape;
  // Neither surrogates nor control characters, refused at the first digit that makes them certain.
  if (state.escape == 4 && state.code_point >= 0xD8 && state.code_point <= 0xDF) return false;
  if (state.escape == 5 &&
      (state.code_point <= 0x001 || state.code_point == 0x008 || state.code_point == 0x009))
    return false;
  if (state.escape < 6) return true;
  state.escape = 0;
  // A space behind a space or at either end would be one that only an escape can write.
  if (state.code_point == 0x7F || state.code_point == ' ') return false;
  return end_character(state, state.code_point);
}

int64_t StoryboardAutomaton::bytes_to_close(const State& state) const {
  if (finished(state)) return 0;
  const Element& element = elements_[state.element];
  if (element.kind == Kind::literal) return 0;
  if (element.kind == Kind::number) return numbers_[state.position].missing;
  int64_t bytes = state.pending;
  if (state.escape == 1) bytes += 1;
  if (state.escape >= 2) bytes += 6 - state.escape;
  int64_t owed = std::max<int64_t>(0, int64_t{element.bounds.least_letters} - state.letters);
  return bytes + std::max<int64_t>(owed, state.last == ' ' ? 1 : 0);
}

}  // namespace zoetrope
