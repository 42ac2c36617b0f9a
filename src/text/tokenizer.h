// Text to token ids and back, from the tokenizer files that models come with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zoetrope {

// A stretch of text from one source. In text that is not trusted (what a user wrote) no special token is
// seen, nor any other whose name looks like <|...|>: it is spelled out by ordinary tokens.
struct TextSegment {
  std::string_view text;
  bool trusted = true;
};

// Immutable after loading; all calls are thread-safe. Texts are UTF-8 of at most 64 MiB; invalid UTF-8 is an
// InputError. Truncation and padding that a tokenizer.json may hold are not applied, as in the reference's
// `tokenizer.encode(text)`.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // add_special: with the tokens that the file puts around a single text (begin, end).
  std::vector<int32_t> encode(std::string_view text, bool add_special) const;
  // The segments as one text.
  virtual std::vector<int32_t> encode(std::span<const TextSegment> segments, bool add_special) const = 0;
  // Ids outside the vocabulary are skipped. The result is valid UTF-8.
  virtual std::string decode(std::span<const int32_t> ids, bool skip_special) const = 0;

  virtual int32_t vocab_size() const = 0;  // with added tokens: ids are 0 to vocab_size() - 1
  virtual std::optional<int32_t> token_to_id(std::string_view token) const = 0;
  virtual std::optional<std::string> id_to_token(int32_t id) const = 0;  // as the file spells it
  // The bytes that a token adds to a text in its middle (maybe a part of a character); "" for special tokens.
  virtual std::string token_bytes(int32_t id) const = 0;
  virtual bool is_special(int32_t id) const = 0;

  // From tokenizer_config.json, special_tokens_map.json and generation_config.json beside the tokenizer (for
  // sentencepiece also from the model itself). Empty where nobody says.
  const std::vector<int32_t>& eos_ids() const { return eos_ids_; }
  std::optional<int32_t> bos_id() const { return bos_id_; }

 protected:
  friend std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& path);
  std::vector<int32_t> eos_ids_;
  std::optional<int32_t> bos_id_;
};

// A folder with tokenizer.json (then it alone says how texts become ids) or else spiece.model or
// tokenizer.model; or one of these files itself. Throws InputError naming the file and the field.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& path);

// A tokenizer.json from memory; `name` goes into errors.
std::unique_ptr<Tokenizer> parse_tokenizer_json(std::string_view json, const std::string& name);

}  // namespace zoetrope
