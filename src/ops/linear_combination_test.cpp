#include "ops/linear_combination.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case.h"

namespace zoetrope {
namespace {

Tensor exact_input(Graph& g, const std::string& name, int64_t n) {
  Float32Island island(g);
  return g.input(name, DType::f32, {n});
}

TEST(LinearCombination, MatchesDoublePrecision) {
  for (int64_t n : {1, 13, 1024, 10007}) {
    const HostTensor c = HostTensor::from_f32({3}, std::vector<float>{0.7f, -1.3f, 2.1f});
    const OpRun run = run_case(
        {"linear_combination",
         [=](Graph& g) {
           g.output("y", linear_combination({g.input("a", DType::f32, {n}), g.input("b", DType::f32, {n}),
                                             g.input("c", DType::f32, {n})},
                                            exact_input(g, "coefficients", 3)));
         },
         {{"coefficients", c}}});
    HostTensor expected(DType::f32, {n}), swapped(DType::f32, {n});
    for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
      const double x = run.inputs.at("a").f32()[i], y = run.inputs.at("b").f32()[i],
                   z = run.inputs.at("c").f32()[i];
      expected.f32()[i] =
          static_cast<float>(double{c.f32()[0]} * x + double{c.f32()[1]} * y + double{c.f32()[2]} * z);
      swapped.f32()[i] =
          static_cast<float>(double{c.f32()[1]} * x + double{c.f32()[0]} * y + double{c.f32()[2]} * z);
    }
    EXPECT_LT(relative_error(run.outputs.at("y"), expected), float32_tolerance(3));
    EXPECT_GT(relative_error(run.outputs.at("y"), swapped), float32_tolerance(3));
  }
}

TEST(LinearCombination, ATermWithoutWeightIsLeftOut) {
  HostTensor nothing(DType::f32, {5});
  for (float& v : nothing.f32()) v = NAN;
  const OpRun run = run_case(
      {"linear_combination",
       [](Graph& g) {
         g.output("y", linear_combination({g.input("a", DType::f32, {5}), g.input("b", DType::f32, {5})},
                                          exact_input(g, "c", 2)));
       },
       {{"b", nothing}, {"c", HostTensor::from_f32({2}, std::vector<float>{2, 0})}}});
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(run.outputs.at("y").f32()[i], 2 * run.inputs.at("a").f32()[i]);
  Graph g("g");
  Tensor a = g.input("a", DType::f32, {2});
  EXPECT_THROW(linear_combination({a, g.input("b", DType::f32, {3})}, g.input("c", DType::f32, {2})),
               GraphError);
  EXPECT_THROW(linear_combination({a}, g.input("d", DType::f32, {2})), GraphError);
}

}  // namespace
}  // namespace zoetrope
