#include "ops/linear.h"

#include <gtest/gtest.h>

#include "ops/op_case.h"

namespace zoetrope {
namespace {

struct Sizes {
  int64_t m, n, k;
  bool bias, residual;
  DType type;
};

// y (M, N) in double precision.
HostTensor reference(const OpRun& run, const Sizes& s, double scale) {
  HostTensor y(DType::f32, Shape{s.m, s.n});
  const auto x = run.inputs.at("x").f32(), w = run.inputs.at("w").f32();
  for (int64_t i = 0; i < s.m; ++i)
    for (int64_t j = 0; j < s.n; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < s.k; ++k) sum += static_cast<double>(x[i * s.k + k]) * w[j * s.k + k];
      sum *= scale;
      if (s.bias) sum += run.inputs.at("b").f32()[static_cast<size_t>(j)];
      if (s.residual) sum += run.inputs.at("r").f32()[static_cast<size_t>(i * s.n + j)];
      y.f32()[static_cast<size_t>(i * s.n + j)] = static_cast<float>(sum);
    }
  return y;
}

OpCase make_case(const Sizes& s, float scale) {
  return {"linear",
          [=](Graph& g) {
            Tensor x = g.input("x", DType::f32, {s.m, s.k}), w = g.parameter("w", {s.n, s.k});
            Tensor b = s.bias ? g.input("b", DType::f32, {s.n}) : Tensor();
            Tensor r = s.residual ? g.input("r", DType::f32, {s.m, s.n}) : Tensor();
            g.output("y", linear(x, w, b, r, scale));
          },
          {},
          s.type};
}

TEST(Linear, MatchesDoublePrecision) {
  const Sizes cases[] = {{1, 1, 1, false, false, DType::f32},      {1, 70, 33, true, true, DType::f32},
                         {7, 5, 3, true, false, DType::bf16},      {65, 129, 200, true, true, DType::f16},
                         {3, 1100, 700, true, false, DType::bf16}, {130, 64, 96, false, true, DType::f32},
                         {1, 900, 513, false, false, DType::f16}};
  for (const Sizes& s : cases)
    for (float scale : {1.0f, -0.37f}) {
      const OpRun run = run_case(make_case(s, scale));
      const double error = relative_error(run.outputs.at("y"), reference(run, s, scale));
      EXPECT_LT(error, float32_tolerance(s.k)) << s.m << " " << s.n << " " << s.k;
      EXPECT_GT(relative_error(run.outputs.at("y"), reference(run, s, scale * 1.02)), float32_tolerance(s.k));
    }
}

TEST(Linear, RefusesShapesThatDoNotFit) {
  Graph g("g");
  Tensor x = g.input("x", DType::f32, {2, 3}), w = g.parameter("w", {5, 4});
  EXPECT_THROW(linear(x, w), GraphError);
  EXPECT_THROW(linear(x, g.parameter("w2", {5, 3}), g.parameter("b", {4})), GraphError);
}

}  // namespace
}  // namespace zoetrope
