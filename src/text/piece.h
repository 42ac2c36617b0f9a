// What the stages of a tokenizer hand to each other: a text cut into pieces.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/regex.h"

namespace zoetrope {

// No stage may grow a text beyond this (a rule of a tokenizer file can multiply it), and no text may be
// longer.
constexpr size_t kMostTextBytes = 64u << 20;
constexpr size_t kMostStageBytes = 256u << 20;

inline void require_stage_size(size_t bytes, const std::string& where) {
  if (bytes > kMostStageBytes)
    throw InputError("the text grows beyond 256 MiB while it is tokenized", where, "shorten the text");
}

// A text under normalization. `lead` is the number of its first bytes that stem from the first character of
// the whole input: Metaspace's prepend_scheme "first" asks for it.
struct NormalText {
  std::string text;
  size_t lead = 0;
};

struct Piece {
  uint32_t begin = 0, end = 0;  // in PieceList::text
  int32_t token = -1;           // the id of an added token, or -1: still to be tokenized
  uint32_t lead = 0;            // as in NormalText
  bool at_start = false;        // begins with the first character of the whole input
  bool guarded = false;         // holds text that is not trusted: the model must make no special token of it
};

struct PieceList {
  std::string text;
  std::vector<Piece> pieces;

  std::string_view view(const Piece& piece) const {
    return std::string_view(text).substr(piece.begin, piece.end - piece.begin);
  }
};

// Cuts [begin, end) of a piece out of it (offsets relative to it); empty cuts are dropped.
inline void push_cut(std::vector<Piece>& out, const Piece& from, uint32_t begin, uint32_t end) {
  if (begin == end) return;
  Piece cut;
  cut.begin = from.begin + begin;
  cut.end = from.begin + end;
  cut.at_start = begin < from.lead;
  cut.guarded = from.guarded;
  cut.lead = cut.at_start ? std::min(from.lead - begin, end - begin) : 0;
  out.push_back(cut);
}

}  // namespace zoetrope
