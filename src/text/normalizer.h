// The "normalizer" of a tokenizer.json: rewrites the text before it is split.
#pragma once

#include <memory>

#include "base/json.h"
#include "text/piece.h"

namespace zoetrope {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(NormalText& text) const = 0;
};

// Null for null. Throws InputError naming the field for an unknown type or wrong content.
std::unique_ptr<Normalizer> make_normalizer(const Json& json);

// The "pattern" of Replace and Split: {"String": "x"} or {"Regex": "x"}.
Regex make_pattern(const Json& json);
// The "type" of a stage; throws where it is missing.
const std::string& type_of(const Json& json);
// Throws InputError "unknown type 'X'", listing what is known.
[[noreturn]] void unknown_type(const Json& json, std::string_view what, std::string_view known);

}  // namespace zoetrope
