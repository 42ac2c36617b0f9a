#include "ops/gated_activation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case.h"

namespace zoetrope {
namespace {

double activation(UnaryKind kind, double x) {
  switch (kind) {
    case UnaryKind::silu:
      return x / (1 + std::exp(-x));
    case UnaryKind::gelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case UnaryKind::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    default:
      return std::max(x, 0.0);
  }
}

TEST(GatedActivation, MatchesDoublePrecision) {
  for (UnaryKind kind : {UnaryKind::silu, UnaryKind::gelu, UnaryKind::gelu_tanh, UnaryKind::relu})
    for (int64_t n : {1, 13, 1024, 9001}) {
      const OpRun run = run_case({"gated_activation", [=](Graph& g) {
                                    g.output("y", gated_activation(g.input("gate", DType::f32, {n}),
                                                                   g.input("up", DType::f32, {n}), kind));
                                  }});
      HostTensor expected(DType::f32, {n}), swapped(DType::f32, {n});
      for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
        const double gate = run.inputs.at("gate").f32()[i], up = run.inputs.at("up").f32()[i];
        expected.f32()[i] = static_cast<float>(activation(kind, gate) * up);
        swapped.f32()[i] = static_cast<float>(activation(kind, up) * gate);
      }
      // A few roundings of the activation, one of the product.
      EXPECT_LT(relative_error(run.outputs.at("y"), expected), 6e-7 + storage_rounding())
          << static_cast<int>(kind) << " " << n;
      EXPECT_GT(relative_error(run.outputs.at("y"), swapped), 6e-7 + storage_rounding());
    }
  Graph g("g");
  Tensor x = g.input("x", DType::f32, {3});
  EXPECT_THROW(gated_activation(x, g.input("y", DType::f32, {4}), UnaryKind::silu), GraphError);
  EXPECT_THROW(gated_activation(x, x, UnaryKind::exp), GraphError);
}

}  // namespace
}  // namespace zoetrope
