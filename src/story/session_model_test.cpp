#include "story/session_model.h"

#include <gtest/gtest.h>

#include <cstring>

#include "cpu/cpu_device.h"
#include "ops/binary.h"
#include "ops/embedding.h"
#include "ops/slice.h"

namespace zoetrope {
namespace {

constexpr int64_t kVocabulary = 11, kPositions = 100;

// Logits that tell which token stood last, and where: row id of one table plus row position of another.
class TableModel final : public LanguageModel {
 public:
  WeightLayout layout(const TensorShapes&) const override { return {.name = "test"}; }
  std::vector<Graph> smallest_graphs() const override {
    std::vector<Graph> graphs;
    graphs.push_back(step({}));
    return graphs;
  }
  int64_t vocabulary_size() const override { return kVocabulary; }
  int64_t context_length() const override { return kPositions; }
  Graph step(const StepShape& shape) const override {
    Graph g("tables");
    Tensor ids = g.input("input_ids", DType::i32, {shape.batch, shape.tokens});
    g.input("position", DType::i32, {1});
    Tensor positions = g.input("positions", DType::i32, {1, shape.tokens});
    Tensor x = add(embedding(ids, g.parameter("tokens", {kVocabulary, kVocabulary})),
                   embedding(positions, g.parameter("places", {kPositions, kVocabulary})));  // (B, L, V)
    if (shape.last_only) x = slice(x, 1, shape.tokens - 1, 1);
    g.output("logits", x);
    return g;
  }
};

float token_value(int64_t id, int64_t column) { return static_cast<float>(1000 * id + column); }
float place_value(int64_t place) { return static_cast<float>(place) / 128; }

class Tables final : public ParameterSource {
 public:
  DType stored_type(const std::string&) const override { return DType::f32; }
  void read(const std::string& name, DType, void* destination) const override {
    std::vector<float> values;
    for (int64_t row = 0; row < (name == "tokens" ? kVocabulary : kPositions); ++row)
      for (int64_t column = 0; column < kVocabulary; ++column)
        values.push_back(name == "tokens" ? token_value(row, column) : place_value(row));
    std::memcpy(destination, values.data(), values.size() * sizeof(float));
  }
};

TEST(SessionModel, ReadsPromptsOfEveryLengthAndGoesOn) {
  TableModel tables;
  Tables weights;
  auto device = make_cpu_device(1);
  SessionModel model(tables, weights, *device, 90);
  EXPECT_EQ(model.vocabulary_size(), kVocabulary);
  EXPECT_EQ(model.context_limit(), 90);
  for (int64_t length : {1, 5, 31, 32, 33, 64, 65, 88}) {
    std::vector<int32_t> ids;
    for (int64_t i = 0; i < length; ++i) ids.push_back(static_cast<int32_t>((i * 7 + length) % kVocabulary));
    std::span<const float> logits = model.prefill(ids);
    ASSERT_EQ(logits.size(), static_cast<size_t>(kVocabulary));
    EXPECT_EQ(logits[3], token_value(ids.back(), 3) + place_value(length - 1)) << length;
    EXPECT_EQ(model.decode(4)[2], token_value(4, 2) + place_value(length));
    EXPECT_EQ(model.decode(9)[2], token_value(9, 2) + place_value(length + 1));
  }
  EXPECT_THROW(model.decode(1), InternalError);  // 90 positions are full
}

TEST(SessionModel, HoldsNoMoreThanTheModelAllows) {
  TableModel tables;
  Tables weights;
  auto device = make_cpu_device(1);
  EXPECT_EQ(SessionModel(tables, weights, *device, 100000).context_limit(), kPositions);
  EXPECT_EQ(SessionModel(tables, weights, *device, 3).prefill(std::vector<int32_t>{1, 2, 3})[0],
            token_value(3, 0) + place_value(2));
}

}  // namespace
}  // namespace zoetrope
