#include "forecast/replay.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace zoetrope {
namespace {

TEST(Replay, WithoutCopiesItIsTheSum) {
  const ReplayResult r = replay({.steps = {1, 2, 3}});
  EXPECT_DOUBLE_EQ(r.seconds, 6);
  EXPECT_DOUBLE_EQ(r.waited, 0);
  EXPECT_DOUBLE_EQ(r.steps[2].begin, 3);
}

// 8 layers, each computes for 2 s and is fetched in 1 s: only the first copy shows.
TEST(Replay, ShortCopiesHideBehindComputation) {
  ReplayRun run{.link = 10};
  for (size_t i = 0; i < 8; ++i) {
    run.steps.push_back(2);
    run.fetches.push_back({10, i < 2 ? 0 : i - 1, i});  // two places, taken in turn
  }
  const ReplayResult r = replay(run);
  EXPECT_DOUBLE_EQ(r.seconds, 1 + 8 * 2);
  EXPECT_DOUBLE_EQ(r.waited, 1);
}

// Copies of 3 s beside steps of 2 s: with two places the copy lane never rests, so the last step follows the
// last copy.
TEST(Replay, LongCopiesSetThePace) {
  ReplayRun run{.link = 10};
  for (size_t i = 0; i < 8; ++i) {
    run.steps.push_back(2);
    run.fetches.push_back({30, i < 2 ? 0 : i - 1, i});
  }
  const ReplayResult r = replay(run);
  EXPECT_DOUBLE_EQ(r.seconds, 8 * 3 + 2);
  EXPECT_DOUBLE_EQ(r.waited, 3 + 7 * 1);
}

// One place: no copy begins before the step that reads the last one has ended.
TEST(Replay, OnePlaceOverlapsNothing) {
  ReplayRun run{.link = 10};
  for (size_t i = 0; i < 5; ++i) {
    run.steps.push_back(2);
    run.fetches.push_back({30, i, i});
  }
  EXPECT_DOUBLE_EQ(replay(run).seconds, 5 * (3 + 2));
}

TEST(Replay, LatencyAndInterferenceSlowCopies) {
  // The second copy of 10 bytes lasts 0.5 s + 1 s alone, 0.5 s + 2 s beside a step.
  ReplayRun run{.steps = {4, 1},
                .fetches = {{10, 0, 0}, {10, 0, 1}},
                .link = 10,
                .copy_latency = 0.5,
                .copy_interference = 0.5};
  const ReplayResult r = replay(run);
  EXPECT_DOUBLE_EQ(r.copies[0].end, 1.5);
  EXPECT_DOUBLE_EQ(r.copies[1].end, 1.5 + 0.5 + 2);
  EXPECT_DOUBLE_EQ(r.seconds, 1.5 + 4 + 1);
  // A step that ends within a copy gives the link back: 1 s beside the step moves 5 bytes less the latency's.
  run.steps = {1, 1};
  EXPECT_DOUBLE_EQ(replay(run).copies[1].end, 1.5 + 1 + (10 - 0.5 * 5) / 10);
}

TEST(Replay, StepsWithoutFetchesRunOn) {
  const ReplayResult r = replay({.steps = {1, 1, 1}, .fetches = {{50, 0, 2}}, .link = 10});
  EXPECT_DOUBLE_EQ(r.steps[1].end, 2);
  EXPECT_DOUBLE_EQ(r.seconds, 5 + 1);
  EXPECT_DOUBLE_EQ(r.waited, 3);
}

TEST(Replay, RefusesWhatCannotRun) {
  EXPECT_THROW(replay({.steps = {1}, .fetches = {{1, 0, 1}}}), InternalError);
  EXPECT_THROW(replay({.steps = {1, 1}, .fetches = {{1, 0, 1}, {1, 0, 0}}}), InternalError);
  EXPECT_THROW(replay({.steps = {1, 1}, .fetches = {{1, 1, 0}}}), InternalError);
}

}  // namespace
}  // namespace zoetrope
