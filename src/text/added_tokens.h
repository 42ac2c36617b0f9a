// The "added_tokens" of a tokenizer.json: strings that are one token wherever they stand, found before the
// model sees anything. Those that are not "normalized" are looked for in the raw text, then the text between
// them is normalized and the others are looked for in it. The leftmost match counts, and of several there the
// longest.
#pragma once

#include <unordered_map>

#include "text/model.h"
#include "text/normalizer.h"
#include "text/prefix_index.h"
#include "text/tokenizer.h"

namespace zoetrope {

class AddedTokens {
 public:
  // Tokens that the vocabulary lacks get the ids behind it, in the order of the list; an id in the file that
  // says otherwise is an InputError. `list` may be null, as may the normalizer (which must outlive this).
  AddedTokens(const Json* list, const Vocabulary& vocabulary, const Normalizer* normalizer);
  AddedTokens(const AddedTokens&) = delete;
  AddedTokens& operator=(const AddedTokens&) = delete;

  // The text cut at the added tokens, normalized between them.
  PieceList extract(std::span<const TextSegment> segments) const;

  int32_t vocab_size() const { return vocab_size_; }
  int32_t find(std::string_view content) const;  // -1: not there
  // How an added token is written for the decoder, or null for an id that is none.
  const std::string* decoded(int32_t id) const;
  bool is_special(int32_t id) const;         // is left out of a text without special tokens
  std::vector<int32_t> guarded_ids() const;  // never made of text that is not trusted

 private:
  struct Token {
    std::string content, normal_form;
    int32_t id = 0;
    bool single_word = false, lstrip = false, rstrip = false, normalized = true, special = false;
    bool guarded = false;  // never seen in text that is not trusted
  };
  struct Found {
    uint32_t begin, end;
    int32_t token;  // index in tokens_, or -1 for the text between
  };
  Token read(const Json& json) const;
  void check_forms(const Json& list) const;
  std::vector<Found> find_in(std::string_view text, const PrefixIndex& index,
                             const std::vector<Span32>& untrusted, bool raw) const;

  const Normalizer* normalizer_;
  std::vector<Token> tokens_;
  std::unordered_map<std::string_view, size_t> by_content_;
  std::unordered_map<int32_t, size_t> by_id_;
  PrefixIndex raw_;         // all tokens as written
  PrefixIndex normalized_;  // the normalized ones in normal form
  std::vector<uint32_t> normalized_tokens_;
  int32_t vocab_size_ = 0;
};

}  // namespace zoetrope
