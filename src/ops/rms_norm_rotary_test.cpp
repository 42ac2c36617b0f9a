#include "ops/rms_norm_rotary.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case.h"
#include "ops/reshape.h"
#include "ops/rms_norm.h"
#include "ops/rotary.h"

namespace zoetrope {
namespace {

struct Sizes {
  int64_t batch, tokens, heads, width;
  bool weight = true;
  int64_t joined() const { return heads * width; }
};

OpCase make_case(const Sizes& s) {
  OpCase c{"rms_norm_rotary", [=](Graph& g) {
             Tensor x = g.input("x", DType::f32, {s.batch, s.tokens, s.joined()});
             Tensor w = s.weight ? g.parameter("w", {s.joined()}) : Tensor();
             Tensor cos = g.input("cos", DType::f32, {s.tokens + 2, s.width / 2});
             Tensor sin = g.input("sin", DType::f32, {s.tokens + 2, s.width / 2});
             g.output("y", rms_norm_rotary(x, w, cos, sin, s.heads, 1e-3f));
           }};
  for (const char* name : {"cos", "sin"}) {
    HostTensor table(DType::f32, {s.tokens + 2, s.width / 2});
    for (size_t i = 0; i < table.f32().size(); ++i) {
      const float angle = 0.7f * static_cast<float>(i % 101);
      table.f32()[i] = name[0] == 'c' ? std::cos(angle) : std::sin(angle);
    }
    c.inputs[name] = table;
  }
  return c;
}

// `late`: rows further down in the tables, a fault to be seen.
HostTensor reference(const OpRun& run, const Sizes& s, int64_t late) {
  HostTensor y(DType::f32, {s.batch, s.tokens, s.heads, s.width});
  const auto x = run.inputs.at("x").f32();
  for (int64_t row = 0; row < s.batch * s.tokens; ++row) {
    double squares = 0;
    for (int64_t i = 0; i < s.joined(); ++i)
      squares += std::pow(double{x[static_cast<size_t>(row * s.joined() + i)]}, 2);
    const double factor = 1 / std::sqrt(squares / static_cast<double>(s.joined()) + 1e-3);
    auto normed = [&](int64_t i) {
      return x[static_cast<size_t>(row * s.joined() + i)] * factor *
             (s.weight ? run.inputs.at("w").f32()[static_cast<size_t>(i)] : 1.0f);
    };
    for (int64_t i = 0; i < s.joined(); i += 2) {
      const auto angle = static_cast<size_t>((row % s.tokens + late) * (s.width / 2) + i % s.width / 2);
      const double c = run.inputs.at("cos").f32()[angle], n = run.inputs.at("sin").f32()[angle];
      const auto at = static_cast<size_t>(row * s.joined() + i);
      y.f32()[at] = static_cast<float>(normed(i) * c - normed(i + 1) * n);
      y.f32()[at + 1] = static_cast<float>(normed(i + 1) * c + normed(i) * n);
    }
  }
  return y;
}

TEST(RmsNormRotary, MatchesDoublePrecision) {
  const Sizes cases[] = {{1, 1, 1, 2},         {2, 5, 3, 6, false}, {2, 5, 3, 8},    {1, 9, 5, 20},
                         {2, 3, 12, 8, false}, {1, 3, 9, 64},       {2, 2, 40, 128}, {1, 1, 128, 128},
                         {1, 2, 130, 128},     {1, 2, 3, 1370}};
  for (const Sizes& s : cases) {
    const OpRun run = run_case(make_case(s));
    const double tolerance = float32_tolerance(s.joined()) + 1e-7;
    EXPECT_LT(relative_error(run.outputs.at("y"), reference(run, s, 0)), tolerance)
        << s.heads << " " << s.width;
    EXPECT_GT(relative_error(run.outputs.at("y"), reference(run, s, 1)), tolerance)
        << s.heads << " " << s.width;
  }
}

TEST(RmsNormRotary, IsNearTheThreeOps) {
  const Sizes s{2, 11, 3, 20};
  OpCase c = make_case(s);
  const auto fused = c.build;
  c.build = [=](Graph& g) {
    fused(g);
    auto value = [&](ValueKind kind, const char* name) { return Tensor(&g, g.find(kind, name)); };
    Tensor normed = rms_norm(value(ValueKind::input, "x"), value(ValueKind::parameter, "w"), 1e-3f);
    g.output("three",
             rotary(reshape(normed, {s.batch, s.tokens, s.heads, s.width}), value(ValueKind::input, "cos"),
                    value(ValueKind::input, "sin"), RotaryStyle::interleaved));
  };
  const OpRun run = run_case(c);
  // The three round what lies between them, and the order of a sum may differ.
  EXPECT_LE(relative_error(run.outputs.at("y"), run.outputs.at("three")),
            2 * storage_rounding() + float32_tolerance(s.joined()));
}

TEST(RmsNormRotary, RefusesShapesThatDoNotFit) {
  Graph g("g");
  Tensor x = g.input("x", DType::f32, {1, 5, 24}), t = g.input("t", DType::f32, {5, 4});
  EXPECT_NO_THROW(rms_norm_rotary(x, {}, t, t, 3, 1e-6f));
  EXPECT_THROW(rms_norm_rotary(x, {}, t, t, 4, 1e-6f), GraphError);  // heads of 6 elements
  EXPECT_THROW(rms_norm_rotary(x, {}, t, t, 8, 1e-6f), GraphError);  // an odd head
  EXPECT_THROW(rms_norm_rotary(x, g.parameter("w", {8}), t, t, 3, 1e-6f), GraphError);
  Tensor few = g.input("few", DType::f32, {4, 4});
  EXPECT_THROW(rms_norm_rotary(x, {}, few, few, 3, 1e-6f), GraphError);
}

}  // namespace
}  // namespace zoetrope
