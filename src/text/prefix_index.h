// Finds the known strings that a text begins with. The strings are kept sorted; a step by one byte narrows a
// range of them, so that the index costs four bytes a string whatever they look like.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace zoetrope {

class PrefixIndex {
 public:
  // The views must outlive the index. Empty strings are left out; of equal ones the last is kept.
  explicit PrefixIndex(const std::vector<std::string_view>& strings);
  PrefixIndex() = default;

  // Calls found(number of bytes, index of the string) for each string that `text` begins with, shortest
  // first.
  template <class Found>
  void walk(std::string_view text, Found&& found) const {
    if (text.empty()) return;
    const auto lead = static_cast<uint8_t>(text[0]);
    if (first_.empty()) return;
    uint32_t low = first_[lead], high = first_[lead + 1u];
    for (size_t depth = 1; low < high; ++depth) {
      // All of [low, high) begin with the first `depth` bytes of the text; one that ends here sorts first.
      if (sorted_[low].text.size() == depth) found(depth, sorted_[low++].index);
      if (low >= high || depth >= text.size()) return;
      narrow(low, high, depth, static_cast<uint8_t>(text[depth]));
    }
  }

 private:
  struct Entry {
    std::string_view text;
    uint32_t index;
  };
  void narrow(uint32_t& low, uint32_t& high, size_t depth, uint8_t byte) const;
  std::vector<Entry> sorted_;
  std::vector<uint32_t> first_;  // where the strings of each first byte begin
};

}  // namespace zoetrope
