#include "text/model.h"

#include <fmt/format.h>

#include "text/normalizer.h"

namespace zoetrope {

Vocabulary::Vocabulary(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {
  ids_.reserve(tokens_.size());
  for (size_t i = 0; i < tokens_.size(); ++i) ids_.insert_or_assign(tokens_[i], static_cast<int32_t>(i));
  guarded_.assign(tokens_.size(), false);
  byte_tokens_.reserve(256);
  for (int b = 0; b < 256; ++b) byte_tokens_.push_back(find(fmt::format("<0x{:02X}>", b)));
}

void Vocabulary::guard(const std::vector<int32_t>& ids) {
  for (const int32_t id : ids)
    if (id >= 0 && id < size()) guarded_[static_cast<size_t>(id)] = true;
}

std::vector<std::string> tokens_by_id(const Json& json) {
  const auto& members = json.as_object();
  const auto count = static_cast<int64_t>(members.size());
  std::vector<std::string> out(members.size());
  std::vector<bool> seen(members.size(), false);
  for (const auto& [token, id_json] : members) {
    const int64_t id = id_json.as_integer();
    if (id < 0 || id >= count)
      throw InputError(fmt::format("token '{}' has id {}, but {} tokens have the ids 0 to {}",
                                   printable(token, 60), id, count, count - 1),
                       json.where(), "the ids of a vocabulary must have no gap");
    const auto at = static_cast<size_t>(id);
    if (seen[at])
      throw InputError(fmt::format("tokens '{}' and '{}' have the same id {}", printable(out[at], 60),
                                   printable(token, 60), id),
                       json.where());
    seen[at] = true;
    out[at] = token;
  }
  return out;
}

std::unique_ptr<TokenModel> make_model(const Json& json) {
  const std::string& type = type_of(json);
  if (type == "BPE") return make_bpe(json);
  if (type == "Unigram") return make_unigram(json);
  unknown_type(json, "model", "BPE, Unigram");
}

}  // namespace zoetrope
