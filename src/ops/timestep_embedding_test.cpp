#include "ops/timestep_embedding.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case.h"

namespace zoetrope {
namespace {

TEST(TimestepEmbedding, MatchesTheSinusoids) {
  for (int64_t dim : {2, 7, 256})
    for (bool flip : {true, false}) {
      const TimestepEmbeddingOptions options{flip, 0.5f, 0.25f, 1000};
      const HostTensor t = HostTensor::from_f32({3}, std::vector<float>{0, 0.5f, 999});
      const OpRun run = run_case({"timestep_embedding",
                                  [&](Graph& g) {
                                    Tensor steps;
                                    {
                                      Float32Island island(g);
                                      steps = g.input("t", DType::f32, {3});
                                    }
                                    g.output("y", timestep_embedding(steps, dim, options));
                                  },
                                  {{"t", t}}});
      const int64_t half = dim / 2;
      for (int64_t row = 0; row < 3; ++row)
        for (int64_t i = 0; i < half; ++i) {
          const double frequency =
              std::exp(-std::log(1000.0) * static_cast<double>(i) / (static_cast<double>(half) - 0.5));
          const double angle = 0.25 * t.f32()[static_cast<size_t>(row)] * frequency;
          const auto y = run.outputs.at("y").f32().subspan(static_cast<size_t>(row * dim));
          const auto sine = static_cast<size_t>(flip ? half + i : i),
                     cosine = static_cast<size_t>(flip ? i : half + i);
          // The frequency is off by a few roundings (its exponent is as large as 7), so the angle too.
          const double tolerance = 1e-6 + 16 * 6e-8 * angle + storage_rounding();
          EXPECT_NEAR(y[sine], std::sin(angle), tolerance) << dim << " " << i;
          EXPECT_NEAR(y[cosine], std::cos(angle), tolerance) << dim << " " << i;
        }
      if (dim % 2) {
        EXPECT_EQ(run.outputs.at("y").f32()[static_cast<size_t>(dim - 1)], 0.0f);
      }
    }
}

TEST(TimestepEmbedding, RefusesWhatHasNoFrequencies) {
  Graph g("g");
  EXPECT_THROW(timestep_embedding(g.input("t", DType::f32, {1}), 1), GraphError);
  EXPECT_THROW(timestep_embedding(g.input("u", DType::i32, {1}), 8), GraphError);
}

}  // namespace
}  // namespace zoetrope
