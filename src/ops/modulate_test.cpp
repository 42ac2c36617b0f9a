// modulate and gated_add: the ops that bring a timestep's rows to the tokens.
#include "ops/modulate.h"

#include <gtest/gtest.h>

#include "ops/gated_add.h"
#include "ops/op_case.h"

namespace zoetrope {
namespace {

double row_element(const HostTensor& row, const Shape& x, int64_t i) {
  const int64_t d = i % x[2], l = i / x[2] % x[1], b = i / (x[1] * x[2]);
  const int64_t at =
      ((row.shape()[0] == 1 ? 0 : b) * row.shape()[1] + (row.shape()[1] == 1 ? 0 : l)) * x[2] + d;
  return row.f32()[static_cast<size_t>(at)];
}

void check_every_form_of_row(const Shape& x) {
  const Shape forms[] = {{x[0], 1, x[2]}, x, {1, 1, x[2]}};
  for (const Shape& scale : forms)
    for (const Shape& shift : forms) {
      const OpRun run = run_case({"modulate", [&](Graph& g) {
                                    Tensor v = g.input("x", DType::f32, x),
                                           s = g.input("scale", DType::f32, scale);
                                    Tensor t = g.input("shift", DType::f32, shift);
                                    g.output("y", modulate(v, s, t));
                                    g.output("z", gated_add(v, g.input("branch", DType::f32, x), s));
                                  }});
      HostTensor y(DType::f32, x), z(DType::f32, x), plain(DType::f32, x);
      for (int64_t i = 0; i < x.elements(); ++i) {
        const auto at = static_cast<size_t>(i);
        const double v = run.inputs.at("x").f32()[at], s = row_element(run.inputs.at("scale"), x, i);
        y.f32()[at] = static_cast<float>(v * (1 + s) + row_element(run.inputs.at("shift"), x, i));
        plain.f32()[at] = static_cast<float>(v * s + row_element(run.inputs.at("shift"), x, i));
        z.f32()[at] = static_cast<float>(v + run.inputs.at("branch").f32()[at] * s);
      }
      EXPECT_LT(relative_error(run.outputs.at("y"), y), float32_tolerance(3));
      EXPECT_GT(relative_error(run.outputs.at("y"), plain), float32_tolerance(3));
      EXPECT_LT(relative_error(run.outputs.at("z"), z), float32_tolerance(2));
      EXPECT_GT(relative_error(run.outputs.at("z"), y), float32_tolerance(2));
    }
}

TEST(Modulate, MatchesDoublePrecisionForEveryFormOfRow) {
  for (const Shape& x : {Shape{2, 5, 37}, Shape{1, 1, 8}, Shape{2, 3, 40}, Shape{1, 2, 1032},
                         Shape{2, 1, 5120}, Shape{1, 1, 16392}})
    check_every_form_of_row(x);
}

TEST(Modulate, RefusesRowsThatDoNotFit) {
  Graph g("g");
  Tensor x = g.input("x", DType::f32, {2, 5, 8}), row = g.input("row", DType::f32, {2, 1, 8});
  EXPECT_THROW(modulate(x, row, g.input("a", DType::f32, {3, 1, 8})), GraphError);
  EXPECT_THROW(modulate(x, g.input("b", DType::f32, {1, 5, 8}), row), GraphError);
  EXPECT_THROW(gated_add(x, x, g.input("c", DType::f32, {2, 8})), GraphError);
}

}  // namespace
}  // namespace zoetrope
