#include "ops/modulated_norm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/layer_norm.h"
#include "ops/modulate.h"
#include "ops/op_case.h"

namespace zoetrope {
namespace {

double row_element(const HostTensor& row, const Shape& x, int64_t token, int64_t d) {
  const int64_t l = token % x[1], b = token / x[1];
  const int64_t place = (row.shape()[0] == 1 ? 0 : b) * row.shape()[1] + (row.shape()[1] == 1 ? 0 : l);
  return row.f32()[static_cast<size_t>(place * x[2] + d)];
}

// `one` is what the scale is added to: another number is a fault to be seen.
HostTensor reference(const OpRun& run, double eps, double one) {
  const HostTensor& x = run.inputs.at("x");
  const int64_t width = x.shape()[2];
  HostTensor y(DType::f32, x.shape());
  for (int64_t token = 0; token < x.elements() / width; ++token) {
    const auto row = x.f32().subspan(static_cast<size_t>(token * width), static_cast<size_t>(width));
    double mean = 0, variance = 0;
    for (float v : row) mean += v / static_cast<double>(width);
    for (float v : row) variance += (v - mean) * (v - mean) / static_cast<double>(width);
    for (int64_t d = 0; d < width; ++d) {
      const double normed = (row[static_cast<size_t>(d)] - mean) / std::sqrt(variance + eps);
      y.f32()[static_cast<size_t>(token * width + d)] =
          static_cast<float>(normed * (one + row_element(run.inputs.at("scale"), x.shape(), token, d)) +
                             row_element(run.inputs.at("shift"), x.shape(), token, d));
    }
  }
  return y;
}

TEST(ModulatedNorm, MatchesDoublePrecisionForEveryFormOfRow) {
  for (const Shape& x : {Shape{2, 5, 37}, Shape{1, 1, 8}, Shape{2, 3, 40}, Shape{1, 2, 1032},
                         Shape{2, 1, 5120}, Shape{1, 1, 16384}, Shape{1, 2, 16392}}) {
    const Shape forms[] = {{x[0], 1, x[2]}, x, {1, 1, x[2]}};
    for (const Shape& scale : forms)
      for (const Shape& shift : forms) {
        const OpRun run = run_case(
            {"modulated_norm", [&](Graph& g) {
               g.output("y", modulated_norm(g.input("x", DType::f32, x), g.input("scale", DType::f32, scale),
                                            g.input("shift", DType::f32, shift), 1e-3f));
             }});
        const HostTensor& y = run.outputs.at("y");
        EXPECT_LT(relative_error(y, reference(run, 1e-3, 1)), float32_tolerance(x[2])) << x.text();
        EXPECT_GT(relative_error(y, reference(run, 1e-3, 1.05)), float32_tolerance(x[2])) << x.text();
      }
  }
}

// On the CPU the fused op stands for the two without a change of a bit.
TEST(ModulatedNorm, IsNearTheTwoOps) {
  const OpRun run =
      run_case({"both", [](Graph& g) {
                  Tensor x = g.input("x", DType::f32, {2, 3, 515});
                  Tensor s = g.input("s", DType::f32, {2, 1, 515}), t = g.input("t", DType::f32, {1, 1, 515});
                  Tensor normed;
                  {
                    Float32Island island(g);
                    normed = layer_norm(x, {}, {}, 1e-6f);
                  }
                  g.output("two", modulate(normed, s, t));
                  g.output("one", modulated_norm(x, s, t, 1e-6f));
                }});
  EXPECT_LE(relative_error(run.outputs.at("one"), run.outputs.at("two")), storage_rounding());
}

TEST(ModulatedNorm, RefusesRowsThatDoNotFit) {
  Graph g("g");
  Tensor x = g.input("x", DType::f32, {2, 5, 8}), row = g.input("row", DType::f32, {2, 1, 8});
  EXPECT_THROW(modulated_norm(x, row, g.input("a", DType::f32, {3, 1, 8}), 1e-6f), GraphError);
  EXPECT_THROW(modulated_norm(x, g.input("b", DType::f32, {1, 5, 8}), row, 1e-6f), GraphError);
}

}  // namespace
}  // namespace zoetrope
