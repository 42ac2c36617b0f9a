#include "text/prefix_index.h"

#include <algorithm>

namespace zoetrope {

PrefixIndex::PrefixIndex(const std::vector<std::string_view>& strings) {
  sorted_.reserve(strings.size());
  for (uint32_t i = 0; i < strings.size(); ++i)
    if (!strings[i].empty()) sorted_.push_back({strings[i], i});
  std::sort(sorted_.begin(), sorted_.end(), [](const Entry& a, const Entry& b) {
    const int order = a.text.compare(b.text);
    return order != 0 ? order < 0 : a.index > b.index;
  });
  sorted_.erase(std::unique(sorted_.begin(), sorted_.end(),
                            [](const Entry& a, const Entry& b) { return a.text == b.text; }),
                sorted_.end());
  first_.assign(257, 0);
  for (const Entry& entry : sorted_) ++first_[static_cast<uint8_t>(entry.text[0]) + 1u];
  for (size_t b = 0; b < 256; ++b) first_[b + 1] += first_[b];
}

void PrefixIndex::narrow(uint32_t& low, uint32_t& high, size_t depth, uint8_t byte) const {
  auto at = [&](uint32_t i) { return static_cast<uint8_t>(sorted_[i].text[depth]); };
  if (at(low) > byte || at(high - 1) < byte) {
    low = high;
    return;
  }
  const auto begin = sorted_.begin();
  auto less = [depth](const Entry& entry, uint8_t b) { return static_cast<uint8_t>(entry.text[depth]) < b; };
  auto more = [depth](uint8_t b, const Entry& entry) { return b < static_cast<uint8_t>(entry.text[depth]); };
  if (at(low) < byte)
    low = static_cast<uint32_t>(std::lower_bound(begin + low, begin + high, byte, less) - begin);
  if (at(high - 1) > byte)
    high = static_cast<uint32_t>(std::upper_bound(begin + low, begin + high, byte, more) - begin);
}

}  // namespace zoetrope
