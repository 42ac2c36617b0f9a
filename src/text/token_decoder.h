// The "decoder" of a tokenizer.json: turns tokens back into text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"

namespace zoetrope {

class TokenDecoder {
 public:
  virtual ~TokenDecoder() = default;
  // Rewrites the list of tokens; the text is what they give when joined.
  virtual void apply(std::vector<std::string>& tokens) const = 0;
  // The bytes of one token amid a text.
  virtual std::string bytes_of(std::string token) const = 0;
};

// Null for null. Throws InputError naming the field for an unknown type or wrong content.
std::unique_ptr<TokenDecoder> make_decoder(const Json& json);

}  // namespace zoetrope
