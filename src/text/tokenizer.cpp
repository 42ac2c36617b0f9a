#include "text/tokenizer.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/sentencepiece_model.h"

namespace zoetrope {
namespace {

constexpr uint64_t kMostTokenizerBytes = 128u << 20;
constexpr uint64_t kMostConfigBytes = 16u << 20;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::optional<Json> config_beside(const fs::path& file, const char* name) {
  const fs::path path = file.parent_path() / name;
  if (!is_file(path)) return std::nullopt;
  Json json = Json::parse_file(path.string(), kMostConfigBytes);
  if (!json.is_object()) throw InputError("is not a JSON object", path.string());
  return json;
}

// A token is written as "text" or as {"content": "text"}.
const std::string* token_name(const Json& config, std::string_view key) {
  const Json* member = config.find(key);
  if (!member || member->is_null()) return nullptr;
  if (member->is_object()) member = &member->at("content");
  return &member->as_string();
}

// The slow tokenizers whose file is a tokenizer.model begin a text, T5's ends it; the config may say which it
// is.
SentencepieceEnds ends_of(const fs::path& file) {
  SentencepieceEnds ends;
  bool begins = file.filename() == "tokenizer.model";
  const auto config = config_beside(file, "tokenizer_config.json");
  if (config) {
    if (config->string_or("tokenizer_class", "").rfind("T5", 0) == 0) begins = false;
  }
  ends = {begins, !begins};
  if (config) {
    ends.bos = config->bool_or("add_bos_token", ends.bos);
    ends.eos = config->bool_or("add_eos_token", ends.eos);
  }
  return ends;
}

fs::path tokenizer_file(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return path;
  for (const char* name : {"tokenizer.json", "spiece.model", "tokenizer.model"})
    if (is_file(path / name)) return path / name;
  throw InputError("has no tokenizer", path.string(),
                   "needed is tokenizer.json, spiece.model or tokenizer.model");
}

void add_unique(std::vector<int32_t>& list, int64_t id, int32_t vocab_size) {
  if (id < 0 || id >= vocab_size) return;
  if (std::find(list.begin(), list.end(), id) == list.end()) list.push_back(static_cast<int32_t>(id));
}

}  // namespace

std::vector<int32_t> Tokenizer::encode(std::string_view text, bool add_special) const {
  const TextSegment segment{text, true};
  return encode(std::span(&segment, 1), add_special);
}

std::unique_ptr<Tokenizer> load_tokenizer(const fs::path& path) {
  const fs::path file = tokenizer_file(path);
  const std::string bytes = read_file(file, kMostTokenizerBytes);
  std::unique_ptr<Tokenizer> out = file.extension() == ".json"
                                       ? parse_tokenizer_json(bytes, file.string())
                                       : parse_sentencepiece(bytes, file.string(), ends_of(file));
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
    const auto config = config_beside(file, name);
    if (!config) continue;
    if (const std::string* eos = token_name(*config, "eos_token"))
      if (const auto id = out->token_to_id(*eos)) add_unique(out->eos_ids_, *id, out->vocab_size());
    if (const std::string* bos = token_name(*config, "bos_token"); bos && !out->bos_id_)
      out->bos_id_ = out->token_to_id(*bos);
  }
  if (const auto config = config_beside(file, "generation_config.json")) {
    if (const Json* eos = config->find("eos_token_id"); eos && !eos->is_null()) {
      if (!eos->is_array()) {
        add_unique(out->eos_ids_, eos->as_integer(), out->vocab_size());
      } else {
        for (const Json& id : eos->as_array()) add_unique(out->eos_ids_, id.as_integer(), out->vocab_size());
      }
    }
  }
  return out;
}

}  // namespace zoetrope
