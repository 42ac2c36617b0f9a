// tokenizer.json (https://huggingface.co/docs/tokenizers): every stage of the file, put together.

#include <fmt/format.h>

#include "text/added_tokens.h"
#include "text/post_processor.h"
#include "text/pre_tokenizer.h"
#include "text/token_decoder.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

namespace zoetrope {
namespace {

const Json& member_or_null(const Json& json, std::string_view key) {
  static const Json null;
  const Json* found = json.find(key);
  return found ? *found : null;
}

class JsonTokenizer : public Tokenizer {
 public:
  explicit JsonTokenizer(const Json& json)
      : normalizer_(make_normalizer(member_or_null(json, "normalizer"))),
        pre_tokenizer_(make_pre_tokenizer(member_or_null(json, "pre_tokenizer"))),
        model_(make_model(json.at("model"))),
        added_(json.find("added_tokens"), model_->vocabulary(), normalizer_.get()),
        post_processor_(make_post_processor(member_or_null(json, "post_processor"), added_.vocab_size())),
        decoder_(make_decoder(member_or_null(json, "decoder"))) {
    model_->guard(added_.guarded_ids());
  }

  using Tokenizer::encode;
  std::vector<int32_t> encode(std::span<const TextSegment> segments, bool add_special) const override {
    PieceList list = added_.extract(segments);
    if (pre_tokenizer_) pre_tokenizer_->apply(list);
    std::vector<int32_t> ids;
    model_->encode(list, ids);
    return post_processor_ ? post_processor_->apply(std::move(ids), add_special) : ids;
  }

  std::string decode(std::span<const int32_t> ids, bool skip_special) const override {
    std::vector<std::string> tokens;
    for (const int32_t id : ids) {
      if (skip_special && added_.is_special(id)) continue;
      if (const std::string* token = spelled(id)) tokens.push_back(*token);
    }
    if (decoder_ && !tokens.empty()) decoder_->apply(tokens);
    std::string out;
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0 && !decoder_) out += ' ';
      out += tokens[i];
    }
    return out;
  }

  int32_t vocab_size() const override { return added_.vocab_size(); }

  std::optional<int32_t> token_to_id(std::string_view token) const override {
    int32_t id = added_.find(token);
    if (id < 0) id = model_->vocabulary().find(token);
    return id < 0 ? std::nullopt : std::optional<int32_t>(id);
  }

  std::optional<std::string> id_to_token(int32_t id) const override {
    const std::string* token = spelled(id);
    return token ? std::optional<std::string>(*token) : std::nullopt;
  }

  std::string token_bytes(int32_t id) const override {
    const std::string* token = spelled(id);
    if (!token || added_.is_special(id)) return "";
    return decoder_ ? decoder_->bytes_of(*token) : *token;
  }

  bool is_special(int32_t id) const override { return added_.is_special(id); }

 private:
  const std::string* spelled(int32_t id) const {
    if (const std::string* token = added_.decoded(id)) return token;
    const Vocabulary& vocabulary = model_->vocabulary();
    return id >= 0 && id < vocabulary.size() ? &vocabulary.token(id) : nullptr;
  }

  std::unique_ptr<Normalizer> normalizer_;
  std::unique_ptr<PreTokenizer> pre_tokenizer_;
  std::unique_ptr<TokenModel> model_;
  AddedTokens added_;
  std::unique_ptr<PostProcessor> post_processor_;
  std::unique_ptr<TokenDecoder> decoder_;
};

}  // namespace

std::unique_ptr<Tokenizer> parse_tokenizer_json(std::string_view text, const std::string& name) {
  const Json json = Json::parse(text, name);
  if (!json.is_object()) throw InputError("is not a JSON object", name);
  if (const Json* version = json.find("version");
      version && !version->is_null() && version->as_string() != "1.0")
    throw InputError("unknown version '" + printable(version->as_string(), 40) + "'", version->where(),
                     "known is 1.0");
  return std::make_unique<JsonTokenizer>(json);
}

}  // namespace zoetrope
