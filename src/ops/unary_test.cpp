#include "ops/unary.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case.h"

namespace zoetrope {
namespace {

double reference(UnaryKind kind, double x) {
  switch (kind) {
    case UnaryKind::silu:
      return x / (1 + std::exp(-x));
    case UnaryKind::gelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case UnaryKind::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case UnaryKind::relu:
      return std::max(x, 0.0);
    case UnaryKind::tanh:
      return std::tanh(x);
    case UnaryKind::sigmoid:
      return 1 / (1 + std::exp(-x));
    case UnaryKind::exp:
      return std::exp(x);
    case UnaryKind::neg:
      return -x;
    default:
      return x;
  }
}

TEST(Unary, MatchesDoublePrecisionOverTheWholeRange) {
  for (UnaryKind kind :
       {UnaryKind::silu, UnaryKind::gelu, UnaryKind::gelu_tanh, UnaryKind::relu, UnaryKind::tanh,
        UnaryKind::sigmoid, UnaryKind::exp, UnaryKind::neg, UnaryKind::identity}) {
    HostTensor x(DType::f32, Shape{4001});
    for (int i = 0; i < 4001; ++i) x.f32()[static_cast<size_t>(i)] = static_cast<float>(i - 2000) * 0.013f;
    const OpRun run =
        run_case({"unary",
                  [kind](Graph& g) { g.output("y", unary(kind, g.input("x", DType::f32, {4001}))); },
                  {{"x", x}}});
    for (size_t i = 0; i < 4001; ++i) {
      const double at = run.inputs.at("x").f32()[i], expected = reference(kind, at);
      if (std::isinf(as_stored(static_cast<float>(expected)))) continue;
      // An ulp or two of the result, and of the 1 from which tanh-like forms are built; the step that f16 has
      // near zero is less than 1e-7.
      EXPECT_NEAR(run.outputs.at("y").f32()[i], expected,
                  (4e-7 + storage_rounding()) * std::abs(expected) + 3e-7 * std::min(1.0, std::abs(at)))
          << at << " kind " << static_cast<int>(kind);
    }
  }
}

TEST(Unary, ScaleClampAndNan) {
  HostTensor x = HostTensor::from_f32(Shape{3}, std::vector<float>{-2, NAN, 5});
  const OpRun run = run_case({"unary",
                              [](Graph& g) {
                                Tensor t = g.input("x", DType::f32, {3});
                                g.output("y", clamped(t, -1, 1));
                                g.output("z", scaled(t, -3));
                              },
                              {{"x", x}}});
  EXPECT_EQ(run.outputs.at("y").f32()[0], -1);
  EXPECT_TRUE(std::isnan(run.outputs.at("y").f32()[1]));
  EXPECT_EQ(run.outputs.at("y").f32()[2], 1);
  EXPECT_EQ(run.outputs.at("z").f32()[2], -15);
}

}  // namespace
}  // namespace zoetrope
