// Choosing the next token from a language model's logits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace zoetrope {

struct TokenSampling {
  double temperature = 1;  // 0: the most likely token
  int top_k = 0;           // only the k most likely; 0: all
  double top_p = 1;        // the fewest most likely tokens that have this probability together
  double min_p = 0;        // none below this share of the most likely token's probability
  double repetition_penalty =
      1;  // for tokens that occurred: logit / penalty if positive, else logit * penalty
};

// A set of token ids: bit id % 64 of word id / 64.
class TokenMask {
 public:
  explicit TokenMask(size_t vocabulary) : size_(vocabulary), words_((vocabulary + 63) / 64) {}
  void allow(size_t id) { words_[id / 64] |= uint64_t{1} << (id % 64); }
  void forbid(size_t id) { words_[id / 64] &= ~(uint64_t{1} << (id % 64)); }
  bool allows(size_t id) const { return words_[id / 64] >> (id % 64) & 1; }
  size_t size() const { return size_; }

 private:
  size_t size_;
  std::vector<uint64_t> words_;
};

// Throws UsageError naming the field that makes no sense.
void check(const TokenSampling& options);

// The token at `position` of a text: a function of its arguments alone. The filters work in the order of
// transformers: repetition penalty, mask (null: all tokens), temperature, top k, top p, min p; of equally
// likely tokens the lower id comes first. -infinity is a token that cannot be. Throws InputError where a
// logit is NaN or +infinity, and where no token is left.
int32_t pick_token(const TokenSampling& options, uint64_t seed, uint64_t position,
                   std::span<const float> logits, const TokenMask* allowed = nullptr,
                   std::span<const int32_t> occurred = {});

}  // namespace zoetrope
