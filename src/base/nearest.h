// What a user may have meant by a name that is not there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zoetrope {

// Insertions, deletions and substitutions from one to the other; upper and lower case count as one.
size_t edit_distance(std::string_view a, std::string_view b);

// The `most` names that are nearest to `name`, nearest first, joined by ", ". Of a name longer than 200
// bytes only the beginning is compared.
std::string nearest_names(std::string_view name, const std::vector<std::string>& names, size_t most = 3);

}  // namespace zoetrope
