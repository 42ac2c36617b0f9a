#include "sampling/token_sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <unordered_set>

#include "base/error.h"
#include "sampling/noise.h"

namespace zoetrope {
namespace {

constexpr uint64_t kStream = 0x746F6B656E73;  // apart from the streams of latents

struct Candidate {
  int32_t id;
  double logit;
  double weight = 0;  // proportional to the probability

  bool operator<(const Candidate& other) const {  // the likeliest first
    return logit != other.logit ? logit > other.logit : id < other.id;
  }
};

void check_logits(std::span<const float> logits) {
  for (size_t id = 0; id < logits.size(); ++id)
    if (std::isnan(logits[id]) || logits[id] == std::numeric_limits<float>::infinity())
      throw InputError(
          "the language model's logits hold NaN or infinity (token " + std::to_string(id) + ")", {},
          "its weights are damaged or overflow in this number format: try --dtype f32, or get them again");
}

std::vector<Candidate> candidates(const TokenSampling& options, std::span<const float> logits,
                                  const TokenMask* allowed, std::span<const int32_t> occurred) {
  std::unordered_set<int32_t> repeated;
  if (options.repetition_penalty != 1) repeated.insert(occurred.begin(), occurred.end());
  std::vector<Candidate> out;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (allowed && !allowed->allows(i)) continue;
    double logit = logits[i];
    if (std::isinf(logit)) continue;
    const auto id = static_cast<int32_t>(i);
    if (repeated.contains(id))
      logit = logit > 0 ? logit / options.repetition_penalty : logit * options.repetition_penalty;
    out.push_back({id, logit});
  }
  if (out.empty())
    throw InputError("no token is allowed here", {},
                     "the tokenizer and the language model do not belong together");
  return out;
}

// Keeps the k likeliest, sorted.
void keep_likeliest(std::vector<Candidate>& tokens, int k) {
  if (k > 0 && static_cast<size_t>(k) < tokens.size()) {
    std::partial_sort(tokens.begin(), tokens.begin() + k, tokens.end());
    tokens.resize(static_cast<size_t>(k));
  } else {
    std::sort(tokens.begin(), tokens.end());
  }
}

double sum_weights(const std::vector<Candidate>& tokens) {
  double sum = 0;
  for (const Candidate& token : tokens) sum += token.weight;
  return sum;
}

}  // namespace

void check(const TokenSampling& options) {
  if (!(options.temperature >= 0 && std::isfinite(options.temperature)))
    throw UsageError("the temperature should be 0 or more", "temperature");
  if (options.top_k < 0) throw UsageError("top k should be 0 or more", "top_k");
  if (!(options.top_p > 0 && options.top_p <= 1))
    throw UsageError("top p should be above 0 and at most 1", "top_p");
  if (!(options.min_p >= 0 && options.min_p <= 1)) throw UsageError("min p should be from 0 to 1", "min_p");
  if (!(options.repetition_penalty > 0 && std::isfinite(options.repetition_penalty)))
    throw UsageError("the repetition penalty should be above 0", "repetition_penalty");
}

int32_t pick_token(const TokenSampling& options, uint64_t seed, uint64_t position,
                   std::span<const float> logits, const TokenMask* allowed,
                   std::span<const int32_t> occurred) {
  check(options);
  if (allowed && allowed->size() != logits.size())
    throw InternalError("pick_token: mask and logits differ in size");
  check_logits(logits);
  std::vector<Candidate> tokens = candidates(options, logits, allowed, occurred);
  if (options.temperature == 0) return std::min_element(tokens.begin(), tokens.end())->id;

  keep_likeliest(tokens, options.top_k);
  const double largest = tokens.front().logit;
  for (Candidate& token : tokens) token.weight = std::exp((token.logit - largest) / options.temperature);
  if (options.top_p < 1) {
    const double wanted = options.top_p * sum_weights(tokens);
    double sum = 0;
    size_t kept = 0;
    while (kept < tokens.size() && sum < wanted) sum += tokens[kept++].weight;
    tokens.resize(std::max<size_t>(kept, 1));
  }
  // The likeliest token's weight is 1.
  while (tokens.size() > 1 && tokens.back().weight < options.min_p) tokens.pop_back();

  double left = uniform(seed, kStream, position) * sum_weights(tokens);
  for (const Candidate& token : tokens) {
    left -= token.weight;
    if (left < 0) return token.id;
  }
  return tokens.back().id;  // rounding of the sum
}

}  // namespace zoetrope
