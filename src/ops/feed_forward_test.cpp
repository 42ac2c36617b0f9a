#include "ops/feed_forward.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case.h"

namespace zoetrope {
namespace {

struct Sizes {
  int64_t rows, k, hidden, out, chunk;
  UnaryKind kind;
  bool bias, residual;
  DType type = DType::f32;
};

double activation(UnaryKind kind, double x) {
  if (kind == UnaryKind::silu) return x / (1 + std::exp(-x));
  if (kind == UnaryKind::gelu) return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
  if (kind == UnaryKind::relu) return std::max(x, 0.0);
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

OpCase make_case(const Sizes& s) {
  return {"feed_forward",
          [=](Graph& g) {
            const FeedForwardWeights weights{
                g.parameter("w1", {s.hidden, s.k}), s.bias ? g.input("b1", DType::f32, {s.hidden}) : Tensor(),
                g.parameter("w2", {s.out, s.hidden}), s.bias ? g.input("b2", DType::f32, {s.out}) : Tensor()};
            Tensor residual = s.residual ? g.input("r", DType::f32, {s.rows, s.out}) : Tensor();
            g.output("y", feed_forward(g.input("x", DType::f32, {s.rows, s.k}), weights, s.kind, s.chunk,
                                       residual));
          },
          {},
          s.type};
}

HostTensor reference(const OpRun& run, const Sizes& s, double gain) {
  HostTensor y(DType::f32, {s.rows, s.out});
  std::vector<double> hidden(static_cast<size_t>(s.hidden));
  auto value = [&](const char* name, int64_t at) -> double {
    return run.inputs.at(name).f32()[static_cast<size_t>(at)];
  };
  for (int64_t i = 0; i < s.rows; ++i) {
    for (int64_t j = 0; j < s.hidden; ++j) {
      double sum = s.bias ? value("b1", j) : 0;
      for (int64_t k = 0; k < s.k; ++k) sum += value("x", i * s.k + k) * value("w1", j * s.k + k);
      hidden[static_cast<size_t>(j)] = activation(s.kind, sum * gain);
    }
    for (int64_t o = 0; o < s.out; ++o) {
      double sum = s.bias ? value("b2", o) : 0;
      for (int64_t j = 0; j < s.hidden; ++j)
        sum += hidden[static_cast<size_t>(j)] * value("w2", o * s.hidden + j);
      if (s.residual) sum += value("r", i * s.out + o);
      y.f32()[static_cast<size_t>(i * s.out + o)] = static_cast<float>(sum);
    }
  }
  return y;
}

TEST(FeedForward, MatchesDoublePrecision) {
  const Sizes cases[] = {{1, 1, 1, 1, 0, UnaryKind::silu, false, false},
                         {37, 20, 90, 20, 10, UnaryKind::gelu_tanh, true, true},
                         {37, 20, 90, 15, 64, UnaryKind::gelu, true, false, DType::bf16},
                         {9, 700, 1100, 33, 4, UnaryKind::silu, false, true, DType::f16},
                         {130, 64, 33, 64, 65, UnaryKind::relu, true, true}};
  for (const Sizes& s : cases) {
    const OpRun run = run_case(make_case(s));
    // The first sum's error goes through an activation of slope about 1 into the second.
    const double tolerance = float32_tolerance(s.k) + float32_tolerance(s.hidden) + 6e-7;
    EXPECT_LT(relative_error(run.outputs.at("y"), reference(run, s, 1)), tolerance) << s.rows << " " << s.k;
    EXPECT_GT(relative_error(run.outputs.at("y"), reference(run, s, 1.02)), tolerance);
  }
}

TEST(FeedForward, RefusesShapesThatDoNotFit) {
  Graph g("g");
  Tensor x = g.input("x", DType::f32, {4, 6}), w1 = g.parameter("w1", {9, 6}), w2 = g.parameter("w2", {6, 8});
  EXPECT_THROW(feed_forward(x, {w1, {}, w2, {}}, UnaryKind::silu, 0), GraphError);
  EXPECT_THROW(feed_forward(x, {w1, {}, g.parameter("w3", {6, 9}), {}}, UnaryKind::exp, 0), GraphError);
}

}  // namespace
}  // namespace zoetrope
