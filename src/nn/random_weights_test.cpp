#include "nn/random_weights.h"

#include <gtest/gtest.h>

#include <cmath>

namespace zoetrope {
namespace {

class OneLayer final : public Model {
 public:
  WeightLayout layout(const TensorShapes&) const override { return {}; }
  std::vector<Graph> smallest_graphs() const override {
    std::vector<Graph> graphs;
    Graph& g = graphs.emplace_back("layer");
    g.parameter("blocks.0.ffn.0.weight", {7, 5});
    g.parameter("large.weight", {300, 64});
    g.parameter("norm1.weight", {64});
    g.parameter("norm1.bias", {64});
    return graphs;
  }
};

std::vector<float> values_of(const RandomWeights& weights, const std::string& name, int64_t count) {
  std::vector<float> out(static_cast<size_t>(count));
  weights.read(name, DType::f32, out.data());
  return out;
}

TEST(RandomWeights, AreTheSameEverywhere) {
  // What bench/compare_cuda.py makes, rounded as printed there.
  const std::vector<float> values = values_of(RandomWeights(OneLayer()), "blocks.0.ffn.0.weight", 35);
  const float expected[] = {0.0337f, -0.6797f, -0.2812f, -0.2637f, -0.5469f};
  for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(values[i], expected[i], 6e-5) << i;
}

TEST(RandomWeights, HaveTheScaleOfTheirPlace) {
  const RandomWeights weights{OneLayer()};
  auto moments = [&](const char* name, int64_t count) {
    double sum = 0, square = 0;
    for (const float value : values_of(weights, name, count)) sum += value, square += value * value;
    const double mean = sum / static_cast<double>(count);
    return std::pair(mean, std::sqrt(square / static_cast<double>(count) - mean * mean));
  };
  // Four standard errors of 19,200 and of 64 values.
  EXPECT_NEAR(moments("large.weight", 19200).second, 1.0 / 8, 4 * 0.125 / std::sqrt(2.0 * 19200));
  EXPECT_NEAR(moments("norm1.weight", 64).first, 1.0, 4 * 0.02 / 8);
  EXPECT_NEAR(moments("norm1.bias", 64).first, 0.0, 4 * 0.02 / 8);
}

TEST(RandomWeights, AreTheSameInParts) {
  const RandomWeights weights{OneLayer()};
  const std::vector<float> whole = values_of(weights, "large.weight", 19200);
  std::vector<float> parts(whole.size());
  weights.read_part("large.weight", DType::f32, 0, 4097, parts.data());
  weights.read_part("large.weight", DType::f32, 4097, 19200 - 4097, parts.data() + 4097);
  EXPECT_EQ(parts, whole);
  EXPECT_NE(values_of(RandomWeights(OneLayer(), 2), "large.weight", 19200), whole) << "the seed counts";
  EXPECT_THROW(weights.read("absent", DType::f32, parts.data()), InputError);
}

}  // namespace
}  // namespace zoetrope
