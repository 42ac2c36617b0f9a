#include "ops/embedding.h"

#include <gtest/gtest.h>

#include "ops/op_case.h"

namespace zoetrope {
namespace {

TEST(Embedding, TakesRowsOfAnyTypeAndNeverOtherMemory) {
  HostTensor ids(DType::i32, {2, 4});
  const int32_t values[] = {3, 0, 9, 9, -7, 10, INT32_MAX, INT32_MIN};
  std::copy(values, values + 8, ids.i32().begin());
  for (DType type : {DType::f32, DType::bf16, DType::f16})
    for (int64_t width : {13, 24, 600}) {
      const OpRun run = run_case(
          {"embedding",
           [=](Graph& g) {
             g.output("y", embedding(g.input("ids", DType::i32, {2, 4}), g.parameter("table", {10, width})));
           },
           {{"ids", ids}},
           type});
      const HostTensor& y = run.outputs.at("y");
      ASSERT_EQ(y.shape(), (Shape{2, 4, width}));
      for (int64_t i = 0; i < 8; ++i) {
        const int64_t row = std::clamp<int64_t>(values[i], 0, 9);
        for (int64_t d = 0; d < width; ++d)
          ASSERT_EQ(y.f32()[static_cast<size_t>(i * width + d)],
                    run.inputs.at("table").f32()[static_cast<size_t>(row * width + d)]);
      }
    }
  Graph g("g");
  EXPECT_THROW(embedding(g.input("x", DType::f32, {2}), g.parameter("t", {3, 4})), GraphError);
  EXPECT_THROW(embedding(g.input("i", DType::i32, {2}), g.parameter("u", {0, 4})), GraphError);
}

}  // namespace
}  // namespace zoetrope
