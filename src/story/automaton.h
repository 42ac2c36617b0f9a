// The bytes that a storyboard may consist of when a language model writes it: compact JSON with the keys in
// the order that the prompt names, exactly so many shots, bounded strings of visible UTF-8, seconds from a
// list:
//   {"title":"…","shots":[{"prompt":"…","negative_prompt":"…","narration":"…","seconds":3},…]}
// One state is a few bytes, one step a few comparisons, because a mask over a vocabulary takes some 100,000
// steps.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace zoetrope {

// How long a text may be (bytes) and how many of its characters must be letters or digits.
struct TextBounds {
  uint16_t most_bytes;
  uint8_t least_letters;
  double share;  // of the tokens at hand, against the other texts of its shot
};

struct StoryboardFormat {
  int64_t shots = 3;         // 1 to 64
  double least_seconds = 2;  // rounded up to halves, at least 0.5
  double most_seconds = 4;   // rounded down to halves, at most 60
  TextBounds title{80, 2, 1.0};
  TextBounds prompt{480, 8, 4.0};
  TextBounds negative_prompt{200, 0, 1.0};
  TextBounds narration{280, 6, 3.0};
};

class StoryboardAutomaton {
 public:
  static constexpr int64_t kNoSpaceZone =
      24;  // the last bytes of a text begin no new word: it ends behind one

  explicit StoryboardAutomaton(const StoryboardFormat& format);

  enum class Kind : uint8_t { literal, text, number };
  struct Element {
    Kind kind;
    std::string literal;
    TextBounds bounds{};
  };
  struct State {
    uint16_t element = 0;
    uint16_t position = 0;  // literal: its next byte; text: bytes so far; number: node of the tree of numbers
    uint32_t code_point = 0;          // of the character that is being read
    uint32_t last = 0;                // the character before
    uint8_t pending = 0;              // continuation bytes that the character still needs
    uint8_t low = 0x80, high = 0xBF;  // of the next continuation byte
    uint8_t escape = 0;               // 1 behind a backslash, 2 to 5 within the four digits of \u
    uint8_t run = 0;                  // how often `last` stood in a row
    uint8_t letters = 0;              // letters and digits so far, up to 255
    bool closing = false;             // only what leads to the closing quote is allowed any more
  };

  State start() const { return {}; }
  // Takes one byte. False, with the state undefined, where no storyboard goes on so.
  bool step(State& state, uint8_t byte) const;
  bool finished(const State& state) const { return state.element == elements_.size(); }
  bool in_text(const State& state) const {
    return !finished(state) && elements_[state.element].kind == Kind::text;
  }
  // Bytes of one token each that surely suffice to end the text or number that the state is in (0 in a
  // literal).
  int64_t bytes_to_close(const State& state) const;

  // Whether so many bytes of any characters fit into the text that the state is in.
  bool has_room_for(const State& state, int64_t bytes) const {
    return has_room(state, bytes + kNoSpaceZone, false);
  }

  const std::vector<Element>& elements() const { return elements_; }

 private:
  struct NumberNode {
    std::array<int16_t, 11> next;  // '0' to '9' and '.', -1: none
    bool whole = false;            // a number ends here
    uint8_t missing = 0;           // bytes to the nearest end
  };
  void add_number(const std::string& text);
  bool step_text(State& state, uint8_t byte) const;
  bool step_escape(State& state, uint8_t byte) const;
  bool step_number(State& state, uint8_t byte) const;
  bool begin_character(State& state, uint8_t byte) const;
  bool end_character(State& state, uint32_t code_point) const;
  bool has_room(const State& state, int64_t bytes, bool letter) const;
  void enter(State& state, size_t element, size_t position) const;

  std::vector<Element> elements_;
  std::vector<NumberNode> numbers_;
};

}  // namespace zoetrope
