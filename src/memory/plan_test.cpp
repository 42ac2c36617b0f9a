#include "memory/plan.h"

#include <gtest/gtest.h>

#include <random>

#include "base/error.h"

namespace zoetrope {
namespace {

std::vector<Lifetime> random_lifetimes(std::mt19937& random, int count, int steps) {
  std::vector<Lifetime> lifetimes;
  for (int i = 0; i < count; ++i) {
    const int a = static_cast<int>(random() % steps), b = static_cast<int>(random() % steps);
    lifetimes.push_back({static_cast<int64_t>(random() % 5 == 0 ? random() % 100000 : random() % 1000),
                         std::min(a, b), std::max(a, b)});
  }
  return lifetimes;
}

// The bytes themselves are the judge: every buffer writes its number at its first step and must find it at
// its last.
void expect_bytes_survive(const std::vector<Lifetime>& lifetimes, const MemoryPlan& plan, int steps) {
  std::vector<int> owner(static_cast<size_t>(plan.peak_bytes), -1);
  for (int step = 0; step < steps; ++step) {
    for (size_t i = 0; i < lifetimes.size(); ++i)
      if (lifetimes[i].first == step)
        std::fill_n(owner.begin() + plan.offsets[i], lifetimes[i].bytes, static_cast<int>(i));
    for (size_t i = 0; i < lifetimes.size(); ++i)
      for (int64_t k = 0; lifetimes[i].last == step && k < lifetimes[i].bytes; ++k)
        ASSERT_EQ(owner[static_cast<size_t>(plan.offsets[i] + k)], static_cast<int>(i));
  }
}

TEST(MemoryPlan, NoTwoLiveBuffersOverlapOnRandomGraphs) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const int steps = 1 + static_cast<int>(random() % 40);
    const auto lifetimes = random_lifetimes(random, static_cast<int>(random() % 60), steps);
    const MemoryPlan plan = plan_memory(lifetimes);
    verify_plan(lifetimes, plan);
    EXPECT_GE(plan.peak_bytes, plan.lower_bound);
    expect_bytes_survive(lifetimes, plan, steps);
  }
}

TEST(MemoryPlan, MatchesExhaustiveSearchOnSmallGraphs) {
  std::mt19937 random(11);
  for (int round = 0; round < 60; ++round) {
    const auto lifetimes = random_lifetimes(random, 6, 8);
    // First fit over every order reaches an optimal packing of so few buffers.
    std::vector<size_t> order = {0, 1, 2, 3, 4, 5};
    int64_t best = INT64_MAX;
    do {
      std::vector<int64_t> offsets(6, 0);
      int64_t peak = 0;
      for (size_t k = 0; k < 6; ++k) {
        int64_t at = 0;
        for (bool moved = true; moved;) {
          moved = false;
          for (size_t j = 0; j < k; ++j) {
            const Lifetime &a = lifetimes[order[k]], &b = lifetimes[order[j]];
            if (a.bytes && b.bytes && a.first <= b.last && b.first <= a.last &&
                at < offsets[order[j]] + b.bytes && offsets[order[j]] < at + a.bytes) {
              at = (offsets[order[j]] + b.bytes + 63) / 64 * 64;
              moved = true;
            }
          }
        }
        offsets[order[k]] = at;
        if (lifetimes[order[k]].bytes) peak = std::max(peak, at + lifetimes[order[k]].bytes);
      }
      best = std::min(best, peak);
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_LE(plan_memory(lifetimes).peak_bytes, best + best / 20);
  }
}

TEST(MemoryPlan, VerifierCatchesAPlantedOverlap) {
  const std::vector<Lifetime> lifetimes = {{100, 0, 2}, {100, 1, 3}, {100, 3, 4}};
  MemoryPlan plan = plan_memory(lifetimes);
  EXPECT_EQ(plan.peak_bytes, 228);
  EXPECT_EQ(plan.lower_bound, 228);
  plan.offsets[1] = plan.offsets[0];
  EXPECT_THROW(verify_plan(lifetimes, plan), InternalError);
}

TEST(MemoryPlan, SaysWhoIsAliveAtThePeak) {
  const std::vector<Lifetime> lifetimes = {{64, 0, 9}, {640, 3, 4}, {6400, 4, 5}, {128, 6, 9}};
  const MemoryPlan plan = plan_memory(lifetimes);
  EXPECT_EQ(plan.peak_step, 4);
  EXPECT_EQ(plan.live_at_peak, (std::vector<size_t>{2, 1, 0}));
  const std::vector<std::string> names = {"a", "b", "c", "d"};
  EXPECT_NE(explain_plan(lifetimes, plan, names).find(": c"), std::string::npos);
}

TEST(MemoryPlan, EmptyAndZeroBytes) {
  EXPECT_EQ(plan_memory({}).peak_bytes, 0);
  const std::vector<Lifetime> lifetimes = {{0, 0, 3}, {10, 0, 0}};
  EXPECT_EQ(plan_memory(lifetimes).peak_bytes, 10);
}

}  // namespace
}  // namespace zoetrope
