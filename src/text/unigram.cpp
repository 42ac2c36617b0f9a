// The unigram language model: the cut of a piece into tokens with the highest sum of scores (Viterbi). A
// character without a token of its own counts as unknown with the lowest score less ten; neighbouring
// unknowns are one.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "text/model.h"
#include "text/prefix_index.h"
#include "text/unicode.h"

namespace zoetrope {
namespace {

constexpr double kUnknownPenalty = 10.0;
constexpr size_t kMostTokenBytes = 1024;

class Unigram : public TokenModel {
 public:
  Unigram(std::vector<std::string> tokens, std::vector<double> scores, int64_t unk, bool byte_fallback,
          std::string where)
      : vocabulary_(std::move(tokens)),
        scores_(std::move(scores)),
        unk_(unk),
        byte_fallback_(byte_fallback),
        where_(std::move(where)) {
    std::vector<std::string_view> views;
    views.reserve(scores_.size());
    for (int32_t id = 0; id < vocabulary_.size(); ++id) views.push_back(vocabulary_.token(id));
    index_ = PrefixIndex(views);
    double least = std::numeric_limits<double>::infinity();
    for (const double score : scores_) least = std::min(least, score);
    unknown_score_ = least - kUnknownPenalty;
  }

  const Vocabulary& vocabulary() const override { return vocabulary_; }
  void guard(const std::vector<int32_t>& ids) override { vocabulary_.guard(ids); }

  void encode(const PieceList& list, std::vector<int32_t>& out) const override {
    std::vector<Node> best;
    std::vector<Span32> spans;
    for (const Piece& piece : list.pieces) {
      if (piece.token >= 0)
        out.push_back(piece.token);
      else
        encode_piece(list.view(piece), piece.guarded, best, spans, out);
    }
  }

 private:
  struct Node {  // the best path that ends here: where its last token begins, and which it is
    double score = 0;
    uint32_t begin = kNone;
    uint32_t id = 0;
  };
  static constexpr uint32_t kNone = ~uint32_t{0};

  void encode_piece(std::string_view text, bool guarded, std::vector<Node>& best, std::vector<Span32>& spans,
                    std::vector<int32_t>& out) const {
    best.assign(text.size() + 1, Node());
    for (size_t at = 0; at < text.size();) {
      const double here = best[at].score;
      const size_t character = utf8_length(text[at]);
      bool has_character = false;
      auto improve = [&](size_t length, double score, uint32_t id) {
        Node& node = best[at + length];
        if (node.begin == kNone || score > node.score) node = {score, static_cast<uint32_t>(at), id};
      };
      index_.walk(text.substr(at), [&](size_t length, uint32_t id) {
        if (!vocabulary_.allows(static_cast<int32_t>(id), guarded)) return;
        improve(length, scores_[id] + here, id);
        has_character |= length == character;
      });
      if (!has_character) {
        require_unknown();
        improve(character, unknown_score_ + here, static_cast<uint32_t>(unk_));
      }
      at += character;
    }
    spans.clear();
    bool open = false;  // the span before is unknown and takes in another
    for (size_t end = text.size(); end > 0;) {
      const Node& node = best[end];
      const bool unknown = unk_ >= 0 && node.id == static_cast<uint32_t>(unk_);
      if (unknown && open)
        spans.back().begin = node.begin;
      else
        spans.push_back({node.begin, static_cast<uint32_t>(end)});
      open = unknown;
      end = node.begin;
    }
    for (auto span = spans.rbegin(); span != spans.rend(); ++span)
      add(text.substr(span->begin, span->end - span->begin), guarded, out);
  }

  void add(std::string_view text, bool guarded, std::vector<int32_t>& out) const {
    if (const int32_t id = vocabulary_.find(text, guarded); id >= 0) {
      out.push_back(id);
      return;
    }
    const auto& bytes = vocabulary_.byte_tokens();
    if (byte_fallback_ &&
        std::all_of(text.begin(), text.end(), [&](char c) { return bytes[static_cast<uint8_t>(c)] >= 0; })) {
      for (const char c : text) out.push_back(bytes[static_cast<uint8_t>(c)]);
      return;
    }
    require_unknown();
    out.push_back(static_cast<int32_t>(unk_));
  }

  void require_unknown() const {
    if (unk_ < 0)
      throw InputError("the text has a character that no token holds, and there is no unknown token", where_,
                       "set unk_id");
  }

  Vocabulary vocabulary_;
  std::vector<double> scores_;
  int64_t unk_;
  bool byte_fallback_;
  std::string where_;
  PrefixIndex index_;
  double unknown_score_ = 0;
};

}  // namespace

std::unique_ptr<TokenModel> make_unigram(const Json& json) {
  const Json& vocab = json.at("vocab");
  std::vector<std::string> tokens;
  std::vector<double> scores;
  for (const Json& entry : vocab.as_array()) {
    const auto wrong = [&](std::string_view why) {
      return InputError(fmt::format("entry {}: {}", tokens.size(), why), vocab.where());
    };
    if (!entry.is_array() || entry.as_array().size() != 2 || !entry.as_array()[0].is_string() ||
        !entry.as_array()[1].is_number())
      throw wrong("should be [token, score]");
    const double score = entry.as_array()[1].as_number();
    if (!std::isfinite(score)) throw wrong("the score is not a finite number");
    const std::string& token = entry.as_array()[0].as_string();
    if (token.size() > kMostTokenBytes) throw wrong("the token is longer than 1,024 bytes");
    tokens.push_back(token);
    scores.push_back(score);
  }
  int64_t unk = -1;
  if (const Json* member = json.find("unk_id"); member && !member->is_null()) {
    unk = member->as_integer();
    if (unk < 0 || unk >= static_cast<int64_t>(tokens.size()))
      throw InputError(fmt::format("unk_id {} is not one of the {} tokens", unk, tokens.size()),
                       member->where());
  }
  return std::make_unique<Unigram>(std::move(tokens), std::move(scores), unk,
                                   json.bool_or("byte_fallback", false), json.where());
}

}  // namespace zoetrope
