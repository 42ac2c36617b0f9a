// Counts in a model's config, read with bounds. Graphs are built from them before the weights are looked at,
// so a config that lies must not cost more than an error message.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/json.h"

namespace zoetrope {

// A width, a number of heads, of positions, of words: 1 to 2^24, or `fallback` where the field is missing or
// null. Throws InputError naming file and field.
int64_t positive_field(const Json& config, std::string_view key, int64_t fallback);

// What a loop over nodes of the graph runs to: 1 to 1024.
int64_t layer_count(const Json& config, std::string_view key, int64_t fallback);

}  // namespace zoetrope
