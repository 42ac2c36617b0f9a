// A vocabulary's tokens as a trie over their bytes, laid out for one pass: nodes in preorder, each with the
// end of its subtree, so that a walk that meets a forbidden byte skips everything below it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zoetrope {

class TokenTrie {
 public:
  // bytes[id] is what token id adds to a text. An empty one (a special token) and one longer than kMostDepth
  // bytes is not in the trie.
  explicit TokenTrie(std::vector<std::string> bytes);

  static constexpr size_t kMostDepth = 128;

  struct Node {
    uint32_t end;          // index behind the node's subtree
    uint32_t first_token;  // the first in the subtree, among the sorted tokens
    uint32_t token_count;  // tokens that end here
    uint16_t depth;        // 1 for a token's first byte
    uint8_t byte;
  };

  std::span<const Node> nodes() const { return nodes_; }
  std::span<const int32_t> tokens(const Node& node) const {
    return std::span<const int32_t>(tokens_).subspan(node.first_token, node.token_count);
  }
  // All tokens of the node's subtree.
  std::span<const int32_t> tokens_below(const Node& node) const {
    size_t last = node.end < nodes_.size() ? nodes_[node.end].first_token : tokens_.size();
    return std::span<const int32_t>(tokens_).subspan(node.first_token, last - node.first_token);
  }
  std::string_view bytes(int32_t id) const { return bytes_[static_cast<size_t>(id)]; }
  int64_t size() const { return static_cast<int64_t>(bytes_.size()); }  // of the vocabulary
  bool has_byte(uint8_t byte) const { return single_[byte]; }           // as a token of its own

 private:
  std::vector<std::string> bytes_;
  std::vector<Node> nodes_;
  std::vector<int32_t> tokens_;
  std::array<bool, 256> single_{};
};

}  // namespace zoetrope
