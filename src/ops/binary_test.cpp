#include "ops/binary.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case.h"

namespace zoetrope {
namespace {

float reference(BinaryKind kind, float a, float b) {
  switch (kind) {
    case BinaryKind::add:
      return a + b;
    case BinaryKind::subtract:
      return a - b;
    case BinaryKind::multiply:
      return a * b;
    case BinaryKind::minimum:
      return std::min(a, b);
    default:
      return std::max(a, b);
  }
}

// The element of a broadcast operand that stands at `index` of the result.
float operand(const HostTensor& t, const Shape& out, int64_t index) {
  int64_t at = 0, step = 1;
  for (int back = 1; back <= out.rank(); ++back) {
    if (back <= t.shape().rank()) {
      if (t.shape()[-back] > 1) at += index % out[-back] * step;
      step *= t.shape()[-back];
    }
    index /= out[-back];
  }
  return t.f32()[static_cast<size_t>(at)];
}

TEST(Binary, BroadcastsAsNumPy) {
  const std::pair<Shape, Shape> cases[] = {
      {{}, {}},
      {{7}, {7}},
      {{3, 1}, {1, 5}},
      {{2, 3, 17}, {17}},
      {{2, 3, 17}, {3, 1}},
      {{2, 1, 17}, {2, 3, 17}},
      {{5, 1, 3, 1, 2}, {4, 1, 7, 1}},
      {{1, 1, 9000}, {9000}},
      {{2, 3, 4, 5}, {2, 1, 1, 5}},
      {{2, 3, 16}, {3, 1}},
      {{2, 1, 24}, {2, 5, 24}},
      {{2, 3, 1, 2, 1, 2, 1, 9}, {2, 3, 2, 1, 3, 1, 2, 1}},
      {{}, {6, 7}},
  };
  for (const auto& [a, b] : cases)
    for (BinaryKind kind : {BinaryKind::add, BinaryKind::subtract, BinaryKind::multiply, BinaryKind::minimum,
                            BinaryKind::maximum}) {
      const OpRun run =
          run_case({"binary", [&, a = a, b = b](Graph& g) {
                      g.output("y", binary(kind, g.input("a", DType::f32, a), g.input("b", DType::f32, b)));
                    }});
      const HostTensor& y = run.outputs.at("y");
      for (int64_t i = 0; i < y.elements(); ++i)
        ASSERT_EQ(y.f32()[static_cast<size_t>(i)],
                  as_stored(reference(kind, operand(run.inputs.at("a"), y.shape(), i),
                                      operand(run.inputs.at("b"), y.shape(), i))))
            << a.text() << " " << b.text() << " at " << i;
    }
}

TEST(Binary, KeepsNanAndRefusesWhatDoesNotBroadcast) {
  const HostTensor a = HostTensor::from_f32({3}, std::vector<float>{NAN, 1, 2});
  const HostTensor b = HostTensor::from_f32({3}, std::vector<float>{0, NAN, 3});
  const OpRun run = run_case({"binary",
                              [](Graph& g) {
                                Tensor x = g.input("a", DType::f32, {3}), y = g.input("b", DType::f32, {3});
                                g.output("low", minimum(x, y));
                                g.output("high", maximum(x, y));
                              },
                              {{"a", a}, {"b", b}}});
  for (const char* name : {"low", "high"}) {
    EXPECT_TRUE(std::isnan(run.outputs.at(name).f32()[0]));
    EXPECT_TRUE(std::isnan(run.outputs.at(name).f32()[1]));
  }
  EXPECT_EQ(run.outputs.at("low").f32()[2], 2);
  EXPECT_EQ(run.outputs.at("high").f32()[2], 3);
  Graph g("g");
  EXPECT_THROW(add(g.input("a", DType::f32, {2, 3}), g.input("b", DType::f32, {2})), GraphError);
  EXPECT_THROW(add(g.input("c", DType::f32, {2}), g.input("d", DType::i32, {2})), GraphError);
}

}  // namespace
}  // namespace zoetrope
