#include "text/pre_tokenizer.h"

#include <algorithm>
#include <functional>

#include "text/normalizer.h"
#include "text/unicode.h"

namespace zoetrope {
namespace {

struct Cut {
  uint32_t begin, end;
  bool match;
};

enum class Behavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

// The matches and what lies between them, in order.
std::vector<Cut> cover(std::string_view text, const std::vector<Span32>& matches) {
  std::vector<Cut> out;
  uint32_t last = 0;
  for (const auto& [begin, end] : matches) {
    if (begin != last) out.push_back({last, begin, false});
    out.push_back({begin, end, true});
    last = end;
  }
  if (last != text.size()) out.push_back({last, static_cast<uint32_t>(text.size()), false});
  return out;
}

// What to keep, in place; see the reference's `SplitDelimiterBehavior`.
void settle(std::vector<Cut>& cuts, Behavior behavior) {
  if (behavior == Behavior::isolated) return;
  if (behavior == Behavior::removed) {
    std::erase_if(cuts, [](const Cut& cut) { return cut.match; });
    return;
  }
  const bool backwards = behavior == Behavior::merged_with_next;
  if (backwards) std::reverse(cuts.begin(), cuts.end());
  bool previous = false;
  size_t kept = 0;
  for (const Cut cut : cuts) {
    const bool joins =
        kept > 0 && (behavior == Behavior::contiguous ? cut.match == previous : cut.match && !previous);
    previous = cut.match;
    if (!joins)
      cuts[kept++] = cut;
    else if (backwards)
      cuts[kept - 1].begin = cut.begin;
    else
      cuts[kept - 1].end = cut.end;
  }
  cuts.resize(kept);
  if (backwards) std::reverse(cuts.begin(), cuts.end());
}

void cut_pieces(PieceList& list, Behavior behavior,
                const std::function<std::vector<Cut>(std::string_view)>& find) {
  std::vector<Piece> out;
  out.reserve(list.pieces.size());
  for (const Piece& piece : list.pieces) {
    if (piece.token >= 0) {
      out.push_back(piece);
      continue;
    }
    std::vector<Cut> cuts = find(list.view(piece));
    settle(cuts, behavior);
    for (const Cut& cut : cuts) push_cut(out, piece, cut.begin, cut.end);
  }
  list.pieces = std::move(out);
}

Behavior behavior_of(const Json& json) {
  const std::string& name = json.as_string();
  if (name == "Removed") return Behavior::removed;
  if (name == "Isolated") return Behavior::isolated;
  if (name == "MergedWithPrevious") return Behavior::merged_with_previous;
  if (name == "MergedWithNext") return Behavior::merged_with_next;
  if (name == "Contiguous") return Behavior::contiguous;
  throw InputError("unknown behavior '" + printable(name, 80) + "'", json.where(),
                   "known are Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous");
}

class Split : public PreTokenizer {
 public:
  Split(Regex pattern, Behavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}
  void apply(PieceList& list) const override {
    cut_pieces(list, behavior_, [this](std::string_view text) {
      auto cuts = cover(text, pattern_.find_all(text));
      if (invert_)
        for (Cut& cut : cuts) cut.match = !cut.match;
      return cuts;
    });
  }

 private:
  Regex pattern_;
  Behavior behavior_;
  bool invert_;
};

// Every character of a kind is a match.
class SplitCharacters : public PreTokenizer {
 public:
  SplitCharacters(bool (*is_match)(uint32_t), Behavior behavior) : is_match_(is_match), behavior_(behavior) {}
  void apply(PieceList& list) const override {
    cut_pieces(list, behavior_, [this](std::string_view text) {
      std::vector<Span32> matches;
      for (size_t i = 0; i < text.size();) {
        const size_t at = i;
        if (is_match_(next_code_point(text, i)))
          matches.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(i)});
      }
      return cover(text, matches);
    });
  }

 private:
  bool (*is_match_)(uint32_t);
  Behavior behavior_;
};

// Runs of word characters and runs of what is neither word nor space.
class Whitespace : public PreTokenizer {
 public:
  void apply(PieceList& list) const override {
    cut_pieces(list, Behavior::isolated, [](std::string_view text) {
      std::vector<Cut> cuts;
      int kind = 0;
      for (size_t i = 0; i < text.size();) {
        const auto at = static_cast<uint32_t>(i);
        const uint32_t c = next_code_point(text, i);
        const int now = is_word(c) ? 1 : is_white_space(c) ? 0 : 2;
        if (now != 0 && now == kind)
          cuts.back().end = static_cast<uint32_t>(i);
        else if (now != 0)
          cuts.push_back({at, static_cast<uint32_t>(i), false});
        kind = now;
      }
      return cuts;
    });
  }
};

// Writes every piece anew; `rewrite(piece text, at_start, out)` appends to out.
template <class Rewrite>
void rewrite_pieces(PieceList& list, const std::string& where, Rewrite&& rewrite) {
  std::string text;
  text.reserve(list.text.size() + list.text.size() / 4);
  for (Piece& piece : list.pieces) {
    const std::string_view old = list.view(piece);
    const size_t begin = text.size();
    if (piece.token >= 0)
      text += old;
    else
      piece.lead = static_cast<uint32_t>(rewrite(old, piece, text));
    require_stage_size(text.size(), where);
    piece.begin = static_cast<uint32_t>(begin);
    piece.end = static_cast<uint32_t>(text.size());
  }
  list.text = std::move(text);
}

class Metaspace : public PreTokenizer {
 public:
  Metaspace(MetaspaceOptions options, std::string where)
      : options_(std::move(options)), where_(std::move(where)) {}
  void apply(PieceList& list) const override {
    const std::string& mark = options_.replacement;
    using Prepend = MetaspaceOptions::Prepend;
    rewrite_pieces(list, where_, [&](std::string_view old, const Piece& piece, std::string& out) {
      const bool wanted =
          options_.prepend == Prepend::always || (options_.prepend == Prepend::first && piece.at_start);
      size_t lead = 0;
      const size_t begin = out.size();
      if (wanted && old[0] != ' ' && old.substr(0, mark.size()) != mark) {
        out += mark;
        if (piece.lead > 0) lead = mark.size();
      }
      for (size_t i = 0; i < old.size(); ++i) {
        if (old[i] == ' ')
          out += mark;
        else
          out += old[i];
        if (i < piece.lead) lead = out.size() - begin;
      }
      return lead;
    });
    if (!options_.split) return;
    const Regex pattern = Regex::literal(mark, where_);
    cut_pieces(list, Behavior::merged_with_next,
               [&](std::string_view text) { return cover(text, pattern.find_all(text)); });
  }

 private:
  MetaspaceOptions options_;
  std::string where_;
};

class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, bool use_regex, std::string where)
      : add_prefix_space_(add_prefix_space), where_(std::move(where)) {
    if (use_regex)
      pattern_ = std::make_unique<Regex>(
          R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", where_);
  }
  void apply(PieceList& list) const override {
    if (add_prefix_space_)
      rewrite_pieces(list, where_, [](std::string_view old, const Piece& piece, std::string& out) {
        const bool add = old[0] != ' ';
        if (add) out += ' ';
        out += old;
        return piece.lead + (add && piece.lead > 0 ? 1 : 0);
      });
    if (pattern_)
      cut_pieces(list, Behavior::isolated,
                 [this](std::string_view text) { return cover(text, pattern_->find_all(text)); });
    const auto& characters = byte_level_characters();
    rewrite_pieces(list, where_, [&](std::string_view old, const Piece& piece, std::string& out) {
      size_t lead = 0;
      const size_t begin = out.size();
      for (size_t i = 0; i < old.size(); ++i) {
        out += characters[static_cast<uint8_t>(old[i])];
        if (i < piece.lead) lead = out.size() - begin;
      }
      return lead;
    });
  }

 private:
  bool add_prefix_space_;
  std::unique_ptr<Regex> pattern_;
  std::string where_;
};

class Sequence : public PreTokenizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<PreTokenizer>> parts) : parts_(std::move(parts)) {}
  void apply(PieceList& list) const override {
    for (const auto& part : parts_) part->apply(list);
  }

 private:
  std::vector<std::unique_ptr<PreTokenizer>> parts_;
};

}  // namespace

const std::array<std::string, 256>& byte_level_characters() {
  static const auto table = [] {
    std::array<std::string, 256> out;
    uint32_t next = 0x100;
    for (uint32_t b = 0; b < 256; ++b) {
      const bool itself = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      append_utf8(out[b], itself ? b : next++);
    }
    return out;
  }();
  return table;
}

std::string byte_level_bytes(std::string_view token) {
  static const auto table = [] {
    std::array<int, 0x144> out;
    out.fill(-1);
    for (int b = 0; b < 256; ++b) {
      size_t at = 0;
      out[next_code_point(byte_level_characters()[static_cast<size_t>(b)], at)] = b;
    }
    return out;
  }();
  std::string out;
  for (size_t i = 0; i < token.size();) {
    const uint32_t c = next_code_point(token, i);
    if (c >= table.size() || table[c] < 0) return std::string(token);
    out += static_cast<char>(table[c]);
  }
  return out;
}

MetaspaceOptions metaspace_options(const Json& json) {
  MetaspaceOptions out;
  const Json& replacement = json.at("replacement");
  out.replacement = replacement.as_string();
  if (out.replacement.empty() || utf8_length(out.replacement[0]) != out.replacement.size())
    throw InputError("should be one character", replacement.where());
  using Prepend = MetaspaceOptions::Prepend;
  if (const Json* scheme = json.find("prepend_scheme")) {
    const std::string& name = scheme->as_string();
    if (name == "first")
      out.prepend = Prepend::first;
    else if (name == "never")
      out.prepend = Prepend::never;
    else if (name != "always")
      throw InputError("unknown prepend_scheme '" + printable(name, 80) + "'", scheme->where(),
                       "known are first, never, always");
  }
  if (!json.bool_or("add_prefix_space", true)) {
    if (json.has("prepend_scheme") && out.prepend != Prepend::never)
      throw InputError("add_prefix_space is false, but prepend_scheme is not 'never'", json.where());
    if (!json.has("prepend_scheme"))
      throw InputError("add_prefix_space is false, but prepend_scheme is missing", json.where(),
                       "add \"prepend_scheme\": \"never\"");
  }
  out.split = json.bool_or("split", true);
  return out;
}

std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Json& json) {
  if (json.is_null()) return nullptr;
  const std::string& type = type_of(json);
  if (type == "ByteLevel")
    return std::make_unique<ByteLevel>(json.at("add_prefix_space").as_bool(), json.bool_or("use_regex", true),
                                       json.where());
  if (type == "Metaspace") return std::make_unique<Metaspace>(metaspace_options(json), json.where());
  if (type == "Whitespace") return std::make_unique<Whitespace>();
  if (type == "WhitespaceSplit") return std::make_unique<SplitCharacters>(is_white_space, Behavior::removed);
  if (type == "Digits")
    return std::make_unique<SplitCharacters>(
        is_numeric, json.at("individual_digits").as_bool() ? Behavior::isolated : Behavior::contiguous);
  if (type == "Punctuation") {
    const Json* behavior = json.find("behavior");
    return std::make_unique<SplitCharacters>(is_punctuation,
                                             behavior ? behavior_of(*behavior) : Behavior::isolated);
  }
  if (type == "Split")
    return std::make_unique<Split>(make_pattern(json.at("pattern")), behavior_of(json.at("behavior")),
                                   json.at("invert").as_bool());
  if (type == "Sequence") {
    std::vector<std::unique_ptr<PreTokenizer>> parts;
    for (const Json& part : json.at("pretokenizers").as_array()) {
      if (part.is_null()) throw InputError("a pre_tokenizer is null", part.where());
      parts.push_back(make_pre_tokenizer(part));
    }
    return std::make_unique<Sequence>(std::move(parts));
  }
  unknown_type(json, "pre_tokenizer",
               "ByteLevel, Metaspace, Whitespace, WhitespaceSplit, Digits, Punctuation, Split, Sequence");
}

}  // namespace zoetrope
