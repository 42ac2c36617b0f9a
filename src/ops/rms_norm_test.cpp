#include "ops/rms_norm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case.h"

namespace zoetrope {
namespace {

HostTensor reference(const HostTensor& x, const HostTensor* weight, double eps, bool l2, bool silu) {
  HostTensor y(DType::f32, x.shape());
  const int64_t channels = x.shape()[-1];
  for (int64_t row = 0; row < x.elements() / channels; ++row) {
    double sum = 0;
    for (int64_t c = 0; c < channels; ++c)
      sum += std::pow(static_cast<double>(x.f32()[row * channels + c]), 2);
    const double factor =
        l2 ? std::sqrt(channels) / std::max(std::sqrt(sum), 1e-12) : 1 / std::sqrt(sum / channels + eps);
    for (int64_t c = 0; c < channels; ++c) {
      double v =
          x.f32()[row * channels + c] * factor * (weight ? weight->f32()[static_cast<size_t>(c)] : 1.0);
      if (silu) v = v / (1 + std::exp(-v));
      y.f32()[static_cast<size_t>(row * channels + c)] = static_cast<float>(v);
    }
  }
  return y;
}

TEST(RmsNorm, MatchesDoublePrecision) {
  for (int64_t channels : {1, 7, 8, 16, 24, 33, 96, 160, 515, 1032, 5120, 16384, 16392})
    for (int64_t rows : {1, 5, 301})
      for (int form = 0; form < 4; ++form) {
        if (channels * rows > 200000) continue;
        const OpRun run =
            run_case({"rms_norm", [=](Graph& g) {
                        Tensor x = g.input("x", DType::f32, {rows, channels});
                        Tensor w = form == 1 ? Tensor() : g.parameter("w", {channels});
                        g.output("y", form < 2 ? rms_norm(x, w, 1e-5f) : l2_norm(x, w, form == 3));
                      }});
        const HostTensor expected = reference(run.inputs.at("x"), form == 1 ? nullptr : &run.inputs.at("w"),
                                              1e-5, form >= 2, form == 3);
        // SiLU: a power and a reciprocal of two roundings each, a sum and a product.
        const double activation = form == 3 ? 6 * 5.97e-8 : 0;
        EXPECT_LT(relative_error(run.outputs.at("y"), expected), float32_tolerance(channels) + activation)
            << channels << " " << rows;
      }
}

TEST(RmsNorm, RefusesAWeightOfAnotherLength) {
  Graph g("g");
  EXPECT_THROW(rms_norm(g.input("x", DType::f32, {2, 3}), g.parameter("w", {2}), 1e-5f), GraphError);
}

}  // namespace
}  // namespace zoetrope
