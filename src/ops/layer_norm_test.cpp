#include "ops/layer_norm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case.h"

namespace zoetrope {
namespace {

HostTensor reference(const OpRun& run, bool weight, bool bias, double eps, double gain) {
  const HostTensor& x = run.inputs.at("x");
  HostTensor y(DType::f32, x.shape());
  const int64_t channels = x.shape()[-1];
  for (int64_t row = 0; row < x.elements() / channels; ++row) {
    double mean = 0, variance = 0;
    for (int64_t c = 0; c < channels; ++c) mean += x.f32()[static_cast<size_t>(row * channels + c)];
    mean /= static_cast<double>(channels);
    for (int64_t c = 0; c < channels; ++c)
      variance += std::pow(x.f32()[static_cast<size_t>(row * channels + c)] - mean, 2);
    variance /= static_cast<double>(channels);
    for (int64_t c = 0; c < channels; ++c) {
      double v = (x.f32()[static_cast<size_t>(row * channels + c)] - mean) / std::sqrt(variance + eps) * gain;
      if (weight) v *= run.inputs.at("w").f32()[static_cast<size_t>(c)];
      if (bias) v += run.inputs.at("b").f32()[static_cast<size_t>(c)];
      y.f32()[static_cast<size_t>(row * channels + c)] = static_cast<float>(v);
    }
  }
  return y;
}

TEST(LayerNorm, MatchesDoublePrecision) {
  for (int64_t channels : {2, 7, 16, 24, 33, 160, 515, 1032, 5120, 16384, 16392})
    for (int64_t rows : {1, 5, 301})
      for (int form = 0; form < 4; ++form) {
        if (channels * rows > 200000) continue;
        const bool weight = form & 1, bias = form & 2;
        const OpRun run = run_case({"layer_norm", [=](Graph& g) {
                                      Tensor x = g.input("x", DType::f32, {rows, channels});
                                      Tensor w = weight ? g.parameter("w", {channels}) : Tensor();
                                      Tensor b = bias ? g.parameter("b", {channels}) : Tensor();
                                      g.output("y", layer_norm(x, w, b, 1e-3f));
                                    }});
        EXPECT_LT(relative_error(run.outputs.at("y"), reference(run, weight, bias, 1e-3, 1)),
                  float32_tolerance(channels))
            << channels << " " << rows;
        EXPECT_GT(relative_error(run.outputs.at("y"), reference(run, weight, bias, 1e-3, 1.02)),
                  float32_tolerance(channels));
      }
}

// A mean a thousand times the deviation: two passes keep what one pass over x² would lose.
TEST(LayerNorm, KeepsASmallDeviationOnALargeMean) {
  HostTensor x(DType::f32, {1, 64});
  for (size_t i = 0; i < 64; ++i) x.f32()[i] = 1000.0f + static_cast<float>(i % 3);
  const OpRun run = run_case({"layer_norm",
                              [](Graph& g) {
                                g.output("y", layer_norm(g.input("x", DType::f32, {1, 64}), {}, {}, 1e-6f));
                              },
                              {{"x", x}}});
  // x carries 1000 · 2⁻²⁴ of rounding, the deviation is about 1.
  EXPECT_LT(relative_error(run.outputs.at("y"), reference(run, false, false, 1e-6, 1)),
            1000 * 2e-7 + storage_rounding());
}

TEST(LayerNorm, RefusesAWeightOfAnotherLength) {
  Graph g("g");
  EXPECT_THROW(layer_norm(g.input("x", DType::f32, {2, 3}), g.parameter("w", {2}), {}, 1e-5f), GraphError);
}

}  // namespace
}  // namespace zoetrope
