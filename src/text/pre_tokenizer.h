// The "pre_tokenizer" of a tokenizer.json: cuts the normalized text into the pieces that the model sees.
#pragma once

#include <array>
#include <memory>

#include "base/json.h"
#include "text/piece.h"

namespace zoetrope {

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  // Pieces that are added tokens already stay as they are.
  virtual void apply(PieceList& list) const = 0;
};

// Null for null. Throws InputError naming the field for an unknown type or wrong content.
std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Json& json);

// The character that stands for a byte in byte-level vocabularies, as UTF-8: printable Latin-1 characters
// stand for themselves, the other 68 bytes for U+0100 and on.
const std::array<std::string, 256>& byte_level_characters();
// The bytes that a byte-level token stands for; the token itself where a character of it stands for no byte.
std::string byte_level_bytes(std::string_view token);

// Metaspace is a pre-tokenizer and a decoder.
struct MetaspaceOptions {
  enum class Prepend { first, never, always };
  std::string replacement;  // one character
  Prepend prepend = Prepend::always;
  bool split = true;
};
MetaspaceOptions metaspace_options(const Json& json);

}  // namespace zoetrope
