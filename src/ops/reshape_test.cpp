#include "ops/reshape.h"

#include <gtest/gtest.h>

#include <cstring>

#include "ops/op_case.h"

namespace zoetrope {
namespace {

TEST(Reshape, KeepsTheElementsInOrder) {
  const OpRun run = run_case({"reshape", [](Graph& g) {
                                g.output("y", reshape(g.input("x", DType::f32, {3, 4, 5}), {5, 12}));
                              }});
  EXPECT_EQ(run.outputs.at("y").shape(), (Shape{5, 12}));
  EXPECT_EQ(std::memcmp(run.outputs.at("y").data(), run.inputs.at("x").data(), 240), 0);
}

TEST(Reshape, RefusesAnotherNumberOfElements) {
  Graph g("g");
  EXPECT_THROW(reshape(g.input("x", DType::f32, {3, 4}), {3, 5}), GraphError);
}

}  // namespace
}  // namespace zoetrope
