#include "base/nearest.h"

#include <algorithm>
#include <cctype>
#include <numeric>

#include "base/error.h"

namespace zoetrope {

size_t edit_distance(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  std::vector<size_t> row(b.size() + 1);  // distances from a's beginning to every beginning of b
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substituted = diagonal + (lower(a[i]) == lower(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string nearest_names(std::string_view name, const std::vector<std::string>& names, size_t most) {
  const std::string_view asked = name.substr(0, 200);
  std::vector<std::string> sorted = names;
  std::stable_sort(sorted.begin(), sorted.end(), [&](const std::string& a, const std::string& b) {
    return edit_distance(asked, a) < edit_distance(asked, b);
  });
  sorted.resize(std::min(most, sorted.size()));
  return join_first(sorted);
}

}  // namespace zoetrope
