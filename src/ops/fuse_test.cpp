#include "ops/fuse.h"

#include <gtest/gtest.h>

#include "ops/causal_conv3d.h"
#include "ops/linear.h"
#include "ops/op_case.h"
#include "ops/unary.h"
#include "ops/upsample_nearest.h"

namespace zoetrope {
namespace {

Tensor chain(Graph& g, UnaryKind kind, bool read_twice) {
  Tensor x = g.input("x", DType::f32, {30, 12});
  Tensor hidden = linear(x, g.parameter("w1", {50, 12}), g.parameter("b1", {50}));
  Tensor act = unary(kind, hidden);
  if (read_twice) g.output("hidden", linear(hidden, g.parameter("w3", {5, 50})));
  return linear(act, g.parameter("w2", {12, 50}), g.parameter("b2", {12}), x);
}

TEST(FuseFeedForward, ReplacesTheChainAndKeepsTheResult) {
  auto fused = [](Graph& g) {
    g.output("y", chain(g, UnaryKind::gelu_tanh, false));
    run_passes(g, {fuse_feed_forward(7)});
    ASSERT_EQ(g.nodes().size(), 1u);
    ASSERT_EQ(g.nodes()[0].op->name(), "feed_forward");
  };
  const OpRun one = run_case({"fused", fused});
  const OpRun three =
      run_case({"chain", [](Graph& g) { g.output("y", chain(g, UnaryKind::gelu_tanh, false)); }});
  EXPECT_LT(relative_error(one.outputs.at("y"), three.outputs.at("y")),
            float32_tolerance(12) + float32_tolerance(50));
}

TEST(FuseFeedForward, LeavesWhatOthersReadOrWhatIsRoundedHalfWay) {
  Graph twice("twice"), other("other"), half("half"), named("named");
  twice.output("y", chain(twice, UnaryKind::silu, true));
  other.output("y", chain(other, UnaryKind::tanh, false));
  half.output("y", chain(half, UnaryKind::silu, false));
  named.output("y", chain(named, UnaryKind::silu, false));
  named.output("hidden", Tensor(&named, named.nodes()[1].outputs[0]));
  half.value(half.nodes()[0].outputs[0]).rounding = DType::bf16;
  for (Graph* g : {&twice, &other, &half, &named}) {
    const size_t before = g->nodes().size();
    run_passes(*g, {fuse_feed_forward(7)});
    EXPECT_EQ(g->nodes().size(), before) << g->name();
  }
}

Tensor doubled(Graph& g, int64_t factor, int64_t pad, bool read_twice) {
  Tensor large = upsample_nearest(g.input("x", DType::f32, {1, 2, 5, 7, 6}), factor, factor);
  if (read_twice) g.output("large", scaled(large, 2));
  return causal_conv3d(large, g.parameter("w", {9, 6, 1, 3, 3}), g.input("b", DType::f32, {9}), {},
                       {1, 1, 1, pad, pad, pad, pad, 0});
}

TEST(FuseUpsample, GivesTheConvolutionOfTheLargeFrames) {
  auto fused = [](Graph& g) {
    g.output("y", doubled(g, 2, 1, false));
    run_passes(g, {fuse_upsample()});
    ASSERT_EQ(g.nodes().size(), 1u);
  };
  const OpRun one = run_case({"fused", fused});
  const OpRun two = run_case({"chain", [](Graph& g) { g.output("y", doubled(g, 2, 1, false)); }});
  ASSERT_EQ(one.outputs.at("y").shape(), (Shape{1, 2, 10, 14, 9}));
  EXPECT_LT(relative_error(one.outputs.at("y"), two.outputs.at("y")), float32_tolerance(54));
}

TEST(FuseUpsample, LeavesOtherFactorsPaddingsReadersAndPrecisions) {
  for (int form = 0; form < 4; ++form) {
    Graph g("g");
    g.output("y", doubled(g, form == 0 ? 3 : 2, form == 1 ? 0 : 1, form == 2));
    if (form == 3) g.value(g.nodes()[0].outputs[0]).rounding = DType::bf16;
    const size_t before = g.nodes().size();
    run_passes(g, {fuse_upsample()});
    EXPECT_EQ(g.nodes().size(), before) << form;
  }
}

}  // namespace
}  // namespace zoetrope
