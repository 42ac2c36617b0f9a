#include "ops/mean.h"

#include <gtest/gtest.h>

#include "ops/op_case.h"

namespace zoetrope {
namespace {

TEST(Mean, MatchesDoublePrecision) {
  for (const Shape& shape : {Shape{1, 1, 1}, Shape{3, 50, 7}, Shape{2, 9, 130}, Shape{70, 3, 2}})
    for (int axis : {0, 1, 2, -1}) {
      const OpRun run = run_case({"mean", [&](Graph& g) {
                                    Tensor x = g.input("x", DType::f32, shape);
                                    g.output("y", mean(x, axis));
                                    g.output("kept", mean(x, axis, true));
                                  }});
      const int a = axis < 0 ? 2 : axis;
      const int64_t outer = shape.elements(0, a), n = shape[a], inner = shape.elements(a + 1, 3);
      HostTensor expected(DType::f32, run.outputs.at("y").shape());
      for (int64_t i = 0; i < outer * inner; ++i) {
        double sum = 0;
        for (int64_t k = 0; k < n; ++k)
          sum += run.inputs.at("x").f32()[static_cast<size_t>((i / inner * n + k) * inner + i % inner)];
        expected.f32()[static_cast<size_t>(i)] = static_cast<float>(sum / static_cast<double>(n));
      }
      EXPECT_LT(relative_error(run.outputs.at("y"), expected), 1e-7 + storage_rounding());
      EXPECT_EQ(run.outputs.at("kept").shape()[a], 1);
      EXPECT_EQ(relative_error(run.outputs.at("kept").reshaped(expected.shape()), run.outputs.at("y")), 0);
    }
  Graph g("g");
  EXPECT_THROW(mean(g.input("x", DType::f32, {2, 0}), 1), GraphError);
}

}  // namespace
}  // namespace zoetrope
