#include "ops/fuse.h"

#include <gtest/gtest.h>

#include "ops/causal_conv3d.h"
#include "ops/layer_norm.h"
#include "ops/linear.h"
#include "ops/modulate.h"
#include "ops/op_case.h"
#include "ops/reshape.h"
#include "ops/rms_norm.h"
#include "ops/rotary.h"
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

Tensor normed_and_modulated(Graph& g, bool affine, bool read_twice) {
  Tensor x = g.input("x", DType::f32, {2, 5, 24}), row = g.input("row", DType::f32, {2, 1, 24});
  Tensor normed;
  {
    Float32Island island(g);
    normed = layer_norm(x, affine ? g.parameter("w", {24}) : Tensor(), {}, 1e-5f);
  }
  if (read_twice) g.output("twice", scaled(normed, 2));
  return modulate(normed, row, g.input("shift", DType::f32, {1, 1, 24}));
}

Tensor normed_and_turned(Graph& g, RotaryStyle style, bool across, bool positions) {
  Tensor x = g.input("x", DType::f32, {2, 5, 24}), t = g.input("t", DType::f32, {9, 4});
  Tensor normed = rms_norm(x, g.parameter("w", {24}), 1e-5f);
  Tensor heads = reshape(normed, across ? Shape{1, 10, 3, 8} : Shape{2, 5, 3, 8});
  if (across) t = g.input("t10", DType::f32, {10, 4});
  return rotary(heads, t, g.input("sin", DType::f32, t.shape()), style,
                positions ? g.input("positions", DType::i32, {1, 5}) : Tensor());
}

TEST(FuseNorms, ReplacesBothChainsAndKeepsTheResult) {
  auto build = [](Graph& g) {
    g.output("m", normed_and_modulated(g, false, false));
    Tensor x = Tensor(&g, g.find(ValueKind::input, "x"));
    Tensor t = g.input("cos", DType::f32, {9, 4}), u = g.input("sin", DType::f32, {9, 4});
    Tensor heads = reshape(rms_norm(x, g.parameter("w", {24}), 1e-5f), {2, 5, 3, 8});
    g.output("r", rotary(heads, t, u, RotaryStyle::interleaved));
  };
  const OpRun apart = run_case({"chains", build});
  const OpRun fused = run_case({"fused", [&](Graph& g) {
                                  build(g);
                                  run_passes(g, {fuse_norms()});
                                  ASSERT_EQ(g.nodes().size(), 2u);
                                  ASSERT_EQ(g.nodes()[0].op->name(), "modulated_norm");
                                  ASSERT_EQ(g.nodes()[1].op->name(), "rms_norm_rotary");
                                }});
  // A chain rounds its result and, of the second, two values before it.
  for (const char* name : {"m", "r"})
    EXPECT_LE(relative_error(fused.outputs.at(name), apart.outputs.at(name)),
              2 * storage_rounding() + float32_tolerance(24));
}

TEST(FuseNorms, LeavesWhatIsRoundedBetween) {
  Graph g("g");
  g.output("m", normed_and_modulated(g, false, false));
  Graph h("h");
  h.output("r", normed_and_turned(h, RotaryStyle::interleaved, false, false));
  for (Graph* graph : {&g, &h}) run_passes(*graph, {assign_precision(DType::bf16), fuse_norms()});
  EXPECT_EQ(g.nodes().size(), 1u);  // the norm is a float32 island
  EXPECT_EQ(h.nodes().size(), 3u);
}

TEST(FuseNorms, LeavesWeightsOtherReadersStylesAndSplits) {
  for (int form = 0; form < 5; ++form) {
    Graph g("g");
    if (form < 2)
      g.output("y", normed_and_modulated(g, form == 0, form == 1));
    else
      g.output("y", normed_and_turned(g, form == 2 ? RotaryStyle::half : RotaryStyle::interleaved, form == 3,
                                      form == 4));
    const size_t before = g.nodes().size();
    run_passes(g, {fuse_norms()});
    EXPECT_EQ(g.nodes().size(), before) << form;
  }
}

}  // namespace
}  // namespace zoetrope
