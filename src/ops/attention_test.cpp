#include "ops/attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case.h"

namespace zoetrope {
namespace {

struct Sizes {
  int64_t batch, rows, keys, heads, key_heads, depth, value_depth;
  bool causal = false;
  int64_t position = 0;
  bool mask = false;
  int64_t buckets = 0;
  bool bidirectional = true;
};

constexpr float kScale = 0.3f;

HostTensor mask_of(const Sizes& s) {
  HostTensor mask(DType::i32, {s.batch, s.keys});
  for (int64_t i = 0; i < s.batch * s.keys; ++i)
    mask.i32()[static_cast<size_t>(i)] = i % 7 != 2 && i % 5 != 4;
  return mask;
}

OpCase make_case(const Sizes& s) {
  OpCase c{"attention", [=](Graph& g) {
             AttentionOptions options;
             options.scale = kScale;
             options.causal = s.causal;
             if (s.position) options.position = g.input("position", DType::i32, {1});
             if (s.mask) options.key_mask = g.input("mask", DType::i32, {s.batch, s.keys});
             if (s.buckets) options.bias_table = g.input("bias", DType::f32, {s.buckets, s.heads});
             options.bias_bidirectional = s.bidirectional;
             options.bias_max_distance = 20;
             Tensor q = g.input("q", DType::f32, {s.batch, s.rows, s.heads, s.depth});
             Tensor k = g.input("k", DType::f32, {s.batch, s.keys, s.key_heads, s.depth});
             Tensor v = g.input("v", DType::f32, {s.batch, s.keys, s.key_heads, s.value_depth});
             g.output("y", attention(q, k, v, options));
           }};
  if (s.position) {
    c.inputs["position"] = HostTensor(DType::i32, {1});
    c.inputs["position"].i32()[0] = static_cast<int32_t>(s.position);
  }
  if (s.mask) c.inputs["mask"] = mask_of(s);
  return c;
}

// Faults that a comparison has to see.
struct Fault {
  double gain = 1;    // of the scores
  int64_t shift = 0;  // of the causal limit
  bool swap_heads = false;
};

HostTensor reference(const OpRun& run, const Sizes& s, const Fault& fault = {}) {
  HostTensor y(DType::f32, {s.batch, s.rows, s.heads, s.value_depth});
  const auto q = run.inputs.at("q").f32(), k = run.inputs.at("k").f32(), v = run.inputs.at("v").f32();
  HostTensor mask = s.mask ? run.inputs.at("mask") : HostTensor();
  std::vector<double> weight(static_cast<size_t>(s.keys));
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t h = 0; h < s.heads; ++h)
      for (int64_t i = 0; i < s.rows; ++i) {
        const int64_t group = s.heads / s.key_heads;
        const int64_t kh = fault.swap_heads ? (s.key_heads - 1 - h / group) : h / group;
        double top = -INFINITY, sum = 0;
        for (int64_t j = 0; j < s.keys; ++j) {
          double score = 0;
          for (int64_t d = 0; d < s.depth; ++d)
            score += static_cast<double>(q[((b * s.rows + i) * s.heads + h) * s.depth + d]) *
                     k[((b * s.keys + j) * s.key_heads + kh) * s.depth + d];
          score *= kScale * fault.gain;
          if (s.buckets)
            score += run.inputs.at("bias").f32()[static_cast<size_t>(
                relative_position_bucket(j - s.position - i, s.bidirectional, s.buckets, 20) * s.heads + h)];
          if (s.mask && !mask.i32()[static_cast<size_t>(b * s.keys + j)]) score = -INFINITY;
          if (s.causal && j > s.position + i + fault.shift) score = -INFINITY;
          weight[static_cast<size_t>(j)] = score;
          top = std::max(top, score);
        }
        for (double& w : weight) sum += w = top == -INFINITY ? 0 : std::exp(w - top);
        for (int64_t d = 0; d < s.value_depth; ++d) {
          double out = 0;
          for (int64_t j = 0; j < s.keys; ++j)
            out +=
                weight[static_cast<size_t>(j)] * v[((b * s.keys + j) * s.key_heads + kh) * s.value_depth + d];
          y.f32()[static_cast<size_t>(((b * s.rows + i) * s.heads + h) * s.value_depth + d)] =
              static_cast<float>(sum == 0 ? 0 : out / sum);
        }
      }
  return y;
}

// Two sums: a score's error moves a weight by as much relative to it, times the size of the scores.
double tolerance(const Sizes& s) {
  const double score = kScale * std::sqrt(static_cast<double>(s.depth)) + (s.buckets ? 1 : 0);
  return float32_tolerance(s.depth) * (1 + score) + float32_tolerance(s.keys) + 4e-7;
}

const Sizes kCases[] = {
    {1, 1, 1, 1, 1, 1, 1},
    {2, 7, 9, 2, 1, 5, 3},
    {1, 130, 150, 3, 3, 32, 32},
    {1, 131, 131, 4, 2, 20, 17, true},
    {2, 1, 300, 6, 2, 16, 16, true, 257},
    {1, 3, 140, 2, 2, 33, 40, true, 100, true},
    {1, 40, 290, 2, 1, 8, 24, true, 200, true},
    {2, 67, 67, 3, 3, 12, 12, false, 0, true, 13},
    {1, 50, 50, 2, 2, 16, 16, true, 0, false, 8, false},
    {1, 2, 70, 2, 2, 16, 16, true, 65, false, 8, false},
    {3, 29, 200, 1, 1, 384, 384},
    {1, 410, 137, 2, 2, 24, 24},
};

TEST(Attention, MatchesDoublePrecision) {
  for (const Sizes& s : kCases) {
    const OpRun run = run_case(make_case(s));
    EXPECT_LT(relative_error(run.outputs.at("y"), reference(run, s)), tolerance(s))
        << s.rows << " " << s.keys << " " << s.depth;
    if (s.keys < 2) continue;
    EXPECT_GT(relative_error(run.outputs.at("y"), reference(run, s, {.gain = 1.02})), tolerance(s));
    if (s.causal && s.position + s.rows < s.keys) {
      EXPECT_GT(relative_error(run.outputs.at("y"), reference(run, s, {.shift = 1})), tolerance(s));
    }
    if (s.key_heads > 1) {
      EXPECT_GT(relative_error(run.outputs.at("y"), reference(run, s, {.swap_heads = true})), tolerance(s));
    }
  }
}

TEST(Attention, ThreadsDoNotChangeABit) {
  for (const Sizes& s : kCases) {
    const HostTensor one = run_case(make_case(s), 1).outputs.at("y"),
                     two = run_case(make_case(s), 2).outputs.at("y");
    EXPECT_EQ(std::memcmp(one.data(), two.data(), one.bytes()), 0) << s.rows;
  }
}

TEST(Attention, KeysBehindTheCausalLimitAreNeverRead) {
  for (int64_t rows : {1, 30}) {
    const Sizes s{1, rows, 200, 2, 2, 16, 16, true, 40};
    OpCase c = make_case(s);
    for (const char* name : {"k", "v"}) {
      HostTensor cache(DType::f32, {1, 200, 2, 16});
      for (size_t i = 0; i < cache.f32().size(); ++i)
        cache.f32()[i] = static_cast<int64_t>(i) / 32 >= 40 + rows ? NAN : 0.01f * static_cast<float>(i % 97);
      c.inputs[name] = cache;
    }
    const OpRun run = run_case(c);
    for (float value : run.outputs.at("y").f32()) ASSERT_TRUE(std::isfinite(value));
  }
}

TEST(Attention, AQueryWithoutKeysGivesZeros) {
  for (int64_t rows : {2, 20}) {
    const Sizes s{1, rows, 9, 2, 2, 8, 8, true, 0, true};
    OpCase c = make_case(s);
    for (int64_t j = 0; j < 4; ++j) c.inputs["mask"].i32()[static_cast<size_t>(j)] = 0;
    const OpRun run = run_case(c);
    for (size_t i = 0; i < 2 * 2 * 8; ++i) EXPECT_EQ(run.outputs.at("y").f32()[i], 0.0f);
    EXPECT_LT(relative_error(run.outputs.at("y"), reference(run, s)),
              rows > 4 ? tolerance(s) : std::numeric_limits<double>::infinity());
  }
}

// Scores far apart and far from zero: the running maximum keeps every exponential in range.
TEST(Attention, LargeScoresDoNotOverflow) {
  const Sizes s{1, 30, 300, 1, 1, 8, 8};
  OpCase c = make_case(s);
  HostTensor q(DType::f32, {1, 30, 1, 8}), k(DType::f32, {1, 300, 1, 8});
  for (size_t i = 0; i < q.f32().size(); ++i) q.f32()[i] = 30.0f * std::sin(static_cast<float>(i));
  for (size_t i = 0; i < k.f32().size(); ++i) k.f32()[i] = 30.0f * std::cos(static_cast<float>(3 * i));
  c.inputs["q"] = q, c.inputs["k"] = k;
  const OpRun run = run_case(c);
  // Scores of up to 2000 are exact to 2000 · 2⁻²⁴ · a few: so much is each weight off.
  EXPECT_LT(relative_error(run.outputs.at("y"), reference(run, s)), 2000 * float32_tolerance(8));
}

// From transformers' T5Attention._relative_position_bucket with 32 buckets and a distance of 128.
TEST(Attention, BucketsAreThoseOfT5) {
  const std::vector<std::pair<int64_t, int64_t>> both = {
      {0, 0},    {-1, 1},   {1, 17},   {-7, 7},   {-8, 8},   {8, 24},  {-11, 8},  {-12, 9},   {-15, 9},
      {-16, 10}, {-22, 10}, {-23, 11}, {-32, 12}, {-64, 14}, {64, 30}, {-91, 15}, {-127, 15}, {500, 31}};
  for (const auto& [relative, bucket] : both)
    EXPECT_EQ(relative_position_bucket(relative, true, 32, 128), bucket) << relative;
  const std::vector<std::pair<int64_t, int64_t>> past = {{5, 0},    {-15, 15}, {-16, 16},
                                                         {-32, 21}, {-64, 26}, {-128, 31}};
  for (const auto& [relative, bucket] : past)
    EXPECT_EQ(relative_position_bucket(relative, false, 32, 128), bucket) << relative;
}

TEST(Attention, RefusesShapesThatDoNotFit) {
  Graph g("g");
  Tensor q = g.input("q", DType::f32, {1, 4, 3, 8}), k = g.input("k", DType::f32, {1, 5, 2, 8});
  EXPECT_THROW(attention(q, k, k, {}), GraphError);  // 3 heads over 2
  Tensor k3 = g.input("k3", DType::f32, {1, 5, 3, 8});
  AttentionOptions options;
  options.key_mask = g.input("mask", DType::i32, {1, 4});
  EXPECT_THROW(attention(q, k3, k3, options), GraphError);
  options.key_mask = {};
  options.bias_table = g.input("bias", DType::f32, {600, 3});
  EXPECT_THROW(attention(q, k3, k3, options), GraphError);  // distance 128 within the exact buckets
}

}  // namespace
}  // namespace zoetrope
