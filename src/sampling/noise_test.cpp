#include "sampling/noise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace zoetrope {
namespace {

// The known answers that Random123 publishes for philox4x32 with 10 rounds (tests/kat_vectors).
TEST(Philox, KnownAnswers) {
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox4x32({ones, ones, ones, ones}, {ones, ones}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Noise, AValueDependsOnItsPlaceAlone) {
  std::vector<float> whole(1003);
  fill_normal(7, 3, 0, whole);
  for (size_t offset : {0u, 1u, 2u, 3u, 4u, 5u, 499u})
    for (size_t count : {1u, 2u, 3u, 5u, 64u, 257u}) {
      std::vector<float> part(count);
      fill_normal(7, 3, offset, part);
      for (size_t i = 0; i < count; ++i) EXPECT_EQ(part[i], whole[offset + i]);
    }
}

TEST(Noise, SeedsStreamsAndFarOffsetsDiffer) {
  auto first = [](uint64_t seed, uint64_t stream, uint64_t offset) {
    float value = 0;
    fill_normal(seed, stream, offset, {&value, 1});
    return value;
  };
  const float base = first(1, 0, 0);
  EXPECT_NE(base, first(2, 0, 0));
  EXPECT_NE(base, first(uint64_t{1} << 32 | 1, 0, 0));
  EXPECT_NE(base, first(1, 1, 0));
  EXPECT_NE(base, first(1, uint64_t{1} << 32, 0));
  EXPECT_NE(base, first(1, 0, uint64_t{1} << 34));
}

// Moments of n independent normal values: the mean has the deviation 1/sqrt(n), the k-th moment
// sqrt(var(x^k)/n), with var(x^2) = 2, var(x^3) = 15, var(x^4) = 96. Five deviations are exceeded once in 1.7
// million draws; the draw is fixed, so it passes always or never.
TEST(Noise, IsNormal) {
  const size_t n = 1'000'000;
  std::vector<float> values(n);
  fill_normal(42, 0, 0, values);
  double sums[5] = {}, product = 0, largest = 0, beyond_2 = 0;
  for (size_t i = 0; i < n; ++i) {
    const double x = values[i];
    for (int k = 1; k <= 4; ++k) sums[k] += std::pow(x, k);
    if (i > 0) product += x * values[i - 1];
    largest = std::max(largest, std::abs(x));
    beyond_2 += std::abs(x) > 2;
  }
  const double root = std::sqrt(static_cast<double>(n));
  EXPECT_NEAR(sums[1] / n, 0, 5 / root);
  EXPECT_NEAR(sums[2] / n, 1, 5 * std::sqrt(2.0) / root);
  EXPECT_NEAR(sums[3] / n, 0, 5 * std::sqrt(15.0) / root);
  EXPECT_NEAR(sums[4] / n, 3, 5 * std::sqrt(96.0) / root);
  EXPECT_NEAR(product / n, 0, 5 / root);
  const double share = std::erfc(2 / std::sqrt(2.0));
  EXPECT_NEAR(beyond_2 / n, share, 5 * std::sqrt(share * (1 - share)) / root);
  EXPECT_GT(largest, 4);  // the tails are there
  EXPECT_LT(largest, 6.77);
}

TEST(Noise, UniformIsEven) {
  const int n = 100'000;
  double sum = 0, squares = 0;
  for (uint64_t i = 0; i < n; ++i) {
    const double value = uniform(9, 1, i);
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / n, 0.5, 5 * std::sqrt(1.0 / 12 / n));
  EXPECT_NEAR(squares / n, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / n));
}

}  // namespace
}  // namespace zoetrope
