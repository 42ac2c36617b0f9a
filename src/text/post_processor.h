// The "post_processor" of a tokenizer.json: puts begin and end tokens around the ids of a text.
#pragma once

#include <functional>
#include <memory>

#include "base/json.h"

namespace zoetrope {

class PostProcessor {
 public:
  virtual ~PostProcessor() = default;
  virtual std::vector<int32_t> apply(std::vector<int32_t> ids, bool add_special) const = 0;
};

// Null for null. Throws InputError for an unknown type, or an id that is not below vocab_size.
std::unique_ptr<PostProcessor> make_post_processor(const Json& json, int32_t vocab_size);

}  // namespace zoetrope
