#include "sampling/token_sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "base/error.h"

namespace zoetrope {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int kDraws = 40'000;

// How often each token is drawn over kDraws positions.
std::vector<int> counts(const TokenSampling& options, const std::vector<float>& logits,
                        const TokenMask* mask = nullptr, std::span<const int32_t> occurred = {}) {
  std::vector<int> out(logits.size());
  for (uint64_t position = 0; position < kDraws; ++position)
    ++out[static_cast<size_t>(pick_token(options, 5, position, logits, mask, occurred))];
  return out;
}

// A share p of n draws has the deviation sqrt(p (1 - p) / n); five of them.
void expect_shares(const std::vector<int>& counted, const std::vector<double>& shares) {
  for (size_t i = 0; i < shares.size(); ++i)
    EXPECT_NEAR(counted[i] / double{kDraws}, shares[i], 5 * std::sqrt(shares[i] * (1 - shares[i]) / kDraws))
        << i;
}

std::vector<float> logs(std::initializer_list<double> probabilities) {
  std::vector<float> out;
  for (double p : probabilities) out.push_back(static_cast<float>(std::log(p)));
  return out;
}

TEST(TokenSampler, GreedyTakesTheLikeliest) {
  const TokenSampling greedy{.temperature = 0};
  EXPECT_EQ(pick_token(greedy, 1, 0, std::vector<float>{0, 3, 2, 3}), 1);  // of equals the first
  TokenMask mask(4);
  mask.allow(0);
  mask.allow(2);
  EXPECT_EQ(pick_token(greedy, 1, 0, std::vector<float>{0, 3, 2, 3}, &mask), 2);
}

TEST(TokenSampler, DrawsByProbability) {
  expect_shares(counts({}, logs({0.5, 0.3, 0.15, 0.05})), {0.5, 0.3, 0.15, 0.05});
  // At temperature 0.5 probabilities are squared.
  const double sum = 0.25 + 0.09 + 0.0225 + 0.0025;
  expect_shares(counts({.temperature = 0.5}, logs({0.5, 0.3, 0.15, 0.05})),
                {0.25 / sum, 0.09 / sum, 0.0225 / sum, 0.0025 / sum});
}

TEST(TokenSampler, Filters) {
  const auto logits = logs({0.15, 0.5, 0.05, 0.3});
  expect_shares(counts({.top_k = 2}, logits), {0, 0.625, 0, 0.375});
  expect_shares(counts({.top_k = 9}, logits), {0.15, 0.5, 0.05, 0.3});
  expect_shares(counts({.top_p = 0.6}, logits), {0, 0.625, 0, 0.375});
  expect_shares(counts({.top_p = 0.01}, logits), {0, 1, 0, 0});
  expect_shares(counts({.min_p = 0.25}, logits), {0.15 / 0.95, 0.5 / 0.95, 0, 0.3 / 0.95});
  expect_shares(counts({.min_p = 1}, logits), {0, 1, 0, 0});
  TokenMask mask(4);
  mask.allow(0);
  mask.allow(2);
  expect_shares(counts({}, logits, &mask), {0.75, 0, 0.25, 0});
}

TEST(TokenSampler, RepetitionPenalty) {
  const std::vector<float> logits{2, 1, -1};
  const TokenSampling options{.temperature = 0, .repetition_penalty = 4};
  const int32_t first[] = {0};
  EXPECT_EQ(pick_token(options, 1, 0, logits, nullptr, first), 1);
  const int32_t both[] = {0, 1, 0, 1};
  EXPECT_EQ(pick_token(options, 1, 0, logits, nullptr, both),
            0);  // 0.5, 0.25, -1: applied once, not once an occurrence
  const std::vector<float> negative{-1, -2, -3};
  EXPECT_EQ(pick_token(options, 1, 0, negative, nullptr, first), 1);  // -4, -2, -3
}

TEST(TokenSampler, DependsOnSeedAndPositionAlone) {
  const std::vector<float> flat(1000, 0.0f);
  std::set<int32_t> drawn;
  for (uint64_t position = 0; position < 20; ++position) {
    const int32_t token = pick_token({}, 3, position, flat);
    EXPECT_EQ(token, pick_token({}, 3, position, flat));
    drawn.insert(token);
  }
  EXPECT_GT(drawn.size(), 15u);
  EXPECT_NE(pick_token({}, 3, 0, flat), pick_token({}, 4, 0, flat));
}

TEST(TokenSampler, LogitsThatAreNoLogits) {
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), kInfinity})
    EXPECT_THROW(pick_token({}, 1, 0, std::vector<float>{0, bad, 0}), InputError);
  EXPECT_EQ(pick_token({}, 1, 0, std::vector<float>{-kInfinity, 0, -kInfinity}), 1);
  EXPECT_THROW(pick_token({}, 1, 0, std::vector<float>{-kInfinity, -kInfinity}), InputError);
  const TokenMask none(3);
  EXPECT_THROW(pick_token({}, 1, 0, std::vector<float>{0, 0, 0}, &none), InputError);
  EXPECT_THROW(pick_token({}, 1, 0, {}), InputError);
}

TEST(TokenSampler, HugeLogitsAndTinyTemperatures) {
  EXPECT_EQ(pick_token({.temperature = 1e-9}, 1, 0, std::vector<float>{3e38f, -3e38f}), 0);
  EXPECT_EQ(pick_token({.temperature = 1e-300}, 1, 0, std::vector<float>{1, 2}), 1);
}

TEST(TokenSampler, OptionsThatMakeNoSense) {
  const TokenSampling options[] = {{.temperature = -1}, {.temperature = std::nan("")},
                                   {.top_k = -1},       {.top_p = 0},
                                   {.top_p = 1.1},      {.min_p = -0.1},
                                   {.min_p = 2},        {.repetition_penalty = 0}};
  for (const TokenSampling& option : options) EXPECT_THROW(check(option), UsageError);
}

}  // namespace
}  // namespace zoetrope
