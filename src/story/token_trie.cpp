#include "story/token_trie.h"

#include <algorithm>

namespace zoetrope {

TokenTrie::TokenTrie(std::vector<std::string> bytes) : bytes_(std::move(bytes)) {
  for (size_t id = 0; id < bytes_.size(); ++id) {
    if (bytes_[id].empty() || bytes_[id].size() > kMostDepth) continue;
    tokens_.push_back(static_cast<int32_t>(id));
    if (bytes_[id].size() == 1) single_[static_cast<uint8_t>(bytes_[id][0])] = true;
  }
  // Sorted by unsigned bytes (as std::string compares), equal ones by id: nodes come out in preorder.
  std::sort(tokens_.begin(), tokens_.end(), [&](int32_t a, int32_t b) {
    const std::string& left = bytes_[static_cast<size_t>(a)];
    const std::string& right = bytes_[static_cast<size_t>(b)];
    return left != right ? left < right : a < b;
  });
  std::vector<uint32_t> path;  // the open node of each depth
  std::string_view before;
  auto close_below = [&](size_t depth) {
    while (path.size() > depth) {
      nodes_[path.back()].end = static_cast<uint32_t>(nodes_.size());
      path.pop_back();
    }
  };
  for (uint32_t place = 0; place < tokens_.size(); ++place) {
    std::string_view text = bytes_[static_cast<size_t>(tokens_[place])];
    size_t shared = 0;
    while (shared < before.size() && shared < text.size() && before[shared] == text[shared]) ++shared;
    close_below(shared);
    for (size_t depth = shared; depth < text.size(); ++depth) {
      path.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back({0, place, 0, static_cast<uint16_t>(depth + 1), static_cast<uint8_t>(text[depth])});
    }
    ++nodes_[path.back()].token_count;
    before = text;
  }
  close_below(0);
}

}  // namespace zoetrope
