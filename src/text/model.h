// The "model" of a tokenizer.json: turns pieces into token ids.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "text/piece.h"

namespace zoetrope {

// Tokens by id and ids by token. Ids are 0 to size() - 1; where two ids have one token, the higher id is
// found.
class Vocabulary {
 public:
  explicit Vocabulary(std::vector<std::string> tokens);
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;

  int32_t size() const { return static_cast<int32_t>(tokens_.size()); }
  const std::string& token(int32_t id) const { return tokens_[static_cast<size_t>(id)]; }
  int32_t find(std::string_view token) const {  // -1: not there
    auto it = ids_.find(token);
    return it == ids_.end() ? -1 : it->second;
  }
  // These ids are not found in guarded text. Before any search, and for good.
  void guard(const std::vector<int32_t>& ids);
  bool allows(int32_t id, bool guarded_text) const {
    return !guarded_text || !guarded_[static_cast<size_t>(id)];
  }
  int32_t find(std::string_view token, bool guarded_text) const {
    const int32_t id = find(token);
    return id >= 0 && allows(id, guarded_text) ? id : -1;
  }
  // The ids of "<0x00>" to "<0xFF>" by byte, -1 where one is missing.
  const std::vector<int32_t>& byte_tokens() const { return byte_tokens_; }

 private:
  std::vector<std::string> tokens_;
  std::unordered_map<std::string_view, int32_t> ids_;
  std::vector<int32_t> byte_tokens_;
  std::vector<bool> guarded_;
};

class TokenModel {
 public:
  virtual ~TokenModel() = default;
  virtual const Vocabulary& vocabulary() const = 0;
  // See Vocabulary::guard; ids outside the vocabulary are left out.
  virtual void guard(const std::vector<int32_t>& ids) = 0;
  // Appends the ids of all pieces. Thread-safe. Throws InputError where the model has no token for a text and
  // no unknown token either.
  virtual void encode(const PieceList& list, std::vector<int32_t>& out) const = 0;
};

// Throws InputError naming the field for an unknown type or wrong content.
std::unique_ptr<TokenModel> make_model(const Json& json);
std::unique_ptr<TokenModel> make_bpe(const Json& json);
std::unique_ptr<TokenModel> make_unigram(const Json& json);

// A vocabulary of {"token": id, ...}: the ids must be 0 to n - 1, each once.
std::vector<std::string> tokens_by_id(const Json& json);

}  // namespace zoetrope
