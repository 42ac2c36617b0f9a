#include "ops/rotary.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case.h"

namespace zoetrope {
namespace {

HostTensor table(int64_t rows, int64_t half, bool cosine) {
  HostTensor t(DType::f32, {rows, half});
  for (int64_t p = 0; p < rows; ++p)
    for (int64_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(p) / (1.0 + 3.0 * static_cast<double>(i));
      t.f32()[static_cast<size_t>(p * half + i)] =
          static_cast<float>(cosine ? std::cos(angle) : std::sin(angle));
    }
  return t;
}

TEST(Rotary, MatchesDoublePrecision) {
  for (RotaryStyle style : {RotaryStyle::half, RotaryStyle::interleaved})
    for (int64_t width : {2, 6, 8, 20, 64})
      for (int64_t position_rows : {0, 1, 2}) {
        const int64_t heads = width == 64 ? 37 : 3;
        const Shape shape{2, 5, heads, width};
        TensorMap inputs{{"cos", table(9, width / 2, true)}, {"sin", table(9, width / 2, false)}};
        HostTensor positions(DType::i32, {std::max<int64_t>(position_rows, 1), 5});
        for (size_t i = 0; i < positions.i32().size(); ++i)
          positions.i32()[i] = static_cast<int32_t>((i * 5 + 2) % 9);
        inputs["positions"] = positions;
        const OpRun run = run_case(
            {"rotary",
             [=](Graph& g) {
               Tensor x = g.input("x", DType::f32, shape);
               Tensor c = g.input("cos", DType::f32, {9, width / 2});
               Tensor s = g.input("sin", DType::f32, {9, width / 2});
               Tensor p = position_rows ? g.input("positions", DType::i32, {position_rows, 5}) : Tensor();
               g.output("y", rotary(x, c, s, style, p));
             },
             inputs});
        HostTensor expected(DType::f32, shape), late(DType::f32, shape);
        const auto x = run.inputs.at("x").f32();
        for (int64_t row = 0; row < 10 * heads; ++row)
          for (int64_t i = 0; i < width / 2; ++i)
            for (int64_t fault : {0, 1}) {
              const int64_t l = row / heads % 5, b = row / (5 * heads);
              const int64_t asked =
                  position_rows ? positions.i32()[static_cast<size_t>((position_rows == 2 ? b : 0) * 5 + l)]
                                : l;
              const auto place = static_cast<size_t>((asked + fault) % 9 * (width / 2) + i);
              const double c = run.inputs.at("cos").f32()[place], s = run.inputs.at("sin").f32()[place];
              const bool halves = style == RotaryStyle::half;
              const auto first = static_cast<size_t>(row * width + (halves ? i : 2 * i));
              const auto second = static_cast<size_t>(row * width + (halves ? i + width / 2 : 2 * i + 1));
              HostTensor& y = fault ? late : expected;
              y.f32()[first] = static_cast<float>(x[first] * c - x[second] * s);
              y.f32()[second] = static_cast<float>(x[second] * c + x[first] * s);
            }
        EXPECT_LT(relative_error(run.outputs.at("y"), expected), float32_tolerance(2)) << width;
        EXPECT_GT(relative_error(run.outputs.at("y"), late), float32_tolerance(2)) << width;
      }
}

TEST(Rotary, NeverReadsOutsideTheTablesAndRefusesShapesThatDoNotFit) {
  HostTensor positions(DType::i32, {1, 3});
  positions.i32()[0] = -5, positions.i32()[1] = 4, positions.i32()[2] = INT32_MAX;
  TensorMap inputs{{"cos", table(4, 4, true)}, {"sin", table(4, 4, false)}, {"positions", positions}};
  const OpRun run =
      run_case({"rotary",
                [](Graph& g) {
                  g.output("y", rotary(g.input("x", DType::f32, {1, 3, 1, 8}),
                                       g.input("cos", DType::f32, {4, 4}), g.input("sin", DType::f32, {4, 4}),
                                       RotaryStyle::half, g.input("positions", DType::i32, {1, 3})));
                },
                inputs});
  EXPECT_EQ(run.outputs.at("y").f32()[0], run.inputs.at("x").f32()[0]);  // row 0 turns nothing
  Graph g("g");
  Tensor x = g.input("x", DType::f32, {1, 5, 1, 8}), t = g.input("t", DType::f32, {4, 4});
  EXPECT_THROW(rotary(x, t, t, RotaryStyle::half), GraphError);  // 5 tokens, 4 rows
  EXPECT_THROW(rotary(g.input("odd", DType::f32, {1, 2, 1, 7}), t, t, RotaryStyle::half), GraphError);
}

}  // namespace
}  // namespace zoetrope
