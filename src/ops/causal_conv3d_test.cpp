#include "ops/causal_conv3d.h"

#include <gtest/gtest.h>

#include "ops/op_case.h"

namespace zoetrope {
namespace {

struct Sizes {
  int64_t batch, frames, rows, columns, channels, out, kt, kh, kw;
  Conv3dOptions o;
  bool bias = true, cache = false, residual = false;
  DType type = DType::f32;
};

OpCase make_case(const Sizes& s) {
  return {"causal_conv3d",
          [=](Graph& g) {
            Tensor x = g.input("x", DType::f32, {s.batch, s.frames, s.rows, s.columns, s.channels});
            Tensor w = g.parameter("w", {s.out, s.channels, s.kt, s.kh, s.kw});
            Tensor bias = s.bias ? g.input("b", DType::f32, {s.out}) : Tensor();
            Tensor cache = s.cache ? g.state("cache", DType::f32,
                                             {s.batch, s.o.cache_frames, s.rows, s.columns, s.channels})
                                   : Tensor();
            Tensor plain = causal_conv3d(x, w, bias, {}, s.o);
            Tensor residual = s.residual ? g.input("r", DType::f32, plain.shape()) : Tensor();
            g.output("y", causal_conv3d(x, w, bias, cache, s.o, residual));
          },
          {},
          s.type};
}

double element(const HostTensor& t, std::initializer_list<int64_t> index) {
  int64_t at = 0;
  int axis = 0;
  for (int64_t i : index) at = at * t.shape()[axis++] + i;
  return t.f32()[static_cast<size_t>(at)];
}

struct Fault {
  int64_t frame = 0;  // off by one in time
  bool swap_channels = false;
};

double pixel(const OpRun& run, const Sizes& s, int64_t b, int64_t t, int64_t y, int64_t x, int64_t c) {
  if (y < 0 || y >= s.rows * s.o.upsample || x < 0 || x >= s.columns * s.o.upsample) return 0;
  y /= s.o.upsample, x /= s.o.upsample;
  if (t >= s.o.cache_frames) return element(run.inputs.at("x"), {b, t - s.o.cache_frames, y, x, c});
  return s.cache && t >= 0 ? element(run.inputs.at("cache"), {b, t, y, x, c}) : 0;
}

HostTensor reference(const OpRun& run, const Sizes& s, const Fault& fault = {}) {
  HostTensor out(DType::f32, run.outputs.at("y").shape());
  size_t at = 0;
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t t = 0; t < out.shape()[1]; ++t)
      for (int64_t y = 0; y < out.shape()[2]; ++y)
        for (int64_t x = 0; x < out.shape()[3]; ++x)
          for (int64_t o = 0; o < s.out; ++o, ++at) {
            double sum = s.bias ? run.inputs.at("b").f32()[static_cast<size_t>(o)] : 0;
            for (int64_t c = 0; c < s.channels; ++c)
              for (int64_t i = 0; i < s.kt; ++i)
                for (int64_t j = 0; j < s.kh; ++j)
                  for (int64_t k = 0; k < s.kw; ++k)
                    sum +=
                        element(run.inputs.at("w"), {o, fault.swap_channels && c < 2 ? 1 - c : c, i, j, k}) *
                        pixel(run, s, b, t * s.o.stride_t + i - fault.frame,
                              y * s.o.stride_h + j - s.o.pad_h_before,
                              x * s.o.stride_w + k - s.o.pad_w_before, c);
            if (s.residual) sum += run.inputs.at("r").f32()[at];
            out.f32()[at] = static_cast<float>(sum);
          }
  return out;
}

const Conv3dOptions kSame{1, 1, 1, 1, 1, 1, 1, 2};
const Conv3dOptions kDoubled{1, 1, 1, 1, 1, 1, 1, 0, 2};
const Sizes kCases[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, {}},
    {1, 1, 1, 1, 1, 1, 1, 3, 3, kDoubled},
    {2, 3, 7, 9, 20, 24, 1, 3, 3, kDoubled, true, false, true},
    {1, 1, 5, 31, 16, 7, 1, 3, 3, kDoubled, true, false, false, DType::f16},
    {1, 2, 5, 12, 8, 3, 1, 3, 3, kDoubled, false, false, true},
    {1, 2, 6, 6, 6, 16, 3, 3, 3, {1, 1, 1, 1, 1, 1, 1, 2, 2}, true, true},
    {2, 3, 5, 7, 3, 17, 3, 3, 3, kSame, true, true},
    {1, 1, 6, 13, 16, 16, 3, 3, 3, kSame, true, true, true},
    {1, 1, 6, 13, 16, 16, 3, 3, 3, kSame, false, false},
    {1, 4, 9, 8, 12, 40, 3, 1, 1, {2, 1, 1, 0, 0, 0, 0, 1}, true, true},
    {1, 2, 11, 10, 20, 24, 1, 3, 3, {1, 2, 2, 0, 1, 0, 1, 0}, true, false, true},
    {1, 2, 10, 25, 16, 3, 3, 3, 3, kSame, true, true, false, DType::bf16},
    {1, 2, 7, 11, 8, 1, 3, 3, 3, kSame, true, true, true},
    {1, 1, 7, 11, 24, 2, 1, 3, 3, {1, 2, 2, 1, 1, 1, 1, 0}, false, false, true, DType::f16},
    {2, 1, 5, 13, 16, 4, 3, 3, 2, kSame, true, true, true},
    {1, 1, 5, 13, 12, 4, 3, 3, 3, kSame, true, false},
    {2, 1, 4, 5, 33, 8, 1, 1, 1, {}, false, false, true, DType::f16},
    {1, 5, 3, 2, 5, 6, 3, 5, 4, {1, 1, 2, 2, 3, 1, 2, 4}, true, true},
    {1, 1, 7, 40, 64, 48, 3, 3, 3, kSame, true, true, true},
    // Fewer and more frames than the past, so that some outputs see it and others do not.
    {2, 4, 6, 5, 16, 24, 3, 3, 3, kSame, true, true, true},
    {1, 5, 6, 7, 16, 32, 3, 1, 1, {1, 1, 1, 0, 0, 0, 0, 2}, true, true},
    {1, 4, 6, 7, 16, 16, 3, 1, 1, {2, 1, 1, 0, 0, 0, 0, 1}, true, true, true},
    {2, 1, 5, 7, 8, 16, 3, 1, 1, {1, 1, 1, 0, 0, 0, 0, 4}, true, true, false, DType::bf16},
    // Channels that are no multiples of eight, on both sides.
    {2, 4, 6, 5, 3, 16, 3, 3, 3, kSame, true, true, false, DType::bf16},
    {1, 4, 9, 7, 16, 3, 3, 3, 3, kSame, true, true, true},
    {2, 2, 3, 5, 12, 33, 1, 1, 1, {}, true, false, true},
    {2, 2, 5, 7, 16, 8, 3, 3, 3, {1, 1, 1, 1, 1, 1, 1, 2, 2}, true, true, true},
};

TEST(CausalConv3d, MatchesDoublePrecision) {
  for (const Sizes& s : kCases) {
    const OpRun run = run_case(make_case(s));
    const double tolerance = float32_tolerance(s.channels * s.kt * s.kh * s.kw);
    EXPECT_LT(relative_error(run.outputs.at("y"), reference(run, s)), tolerance)
        << s.rows << "x" << s.columns << " " << s.channels << " -> " << s.out;
    if (s.kt > 1) {
      EXPECT_GT(relative_error(run.outputs.at("y"), reference(run, s, {.frame = 1})), tolerance);
    }
    if (s.channels > 1) {
      EXPECT_GT(relative_error(run.outputs.at("y"), reference(run, s, {.swap_channels = true})), tolerance);
    }
  }
}

TEST(CausalConv3d, TheCacheEndsWithTheLastFrames) {
  for (const Sizes& s : kCases) {
    if (!s.cache) continue;
    const OpRun run = run_case(make_case(s));
    const HostTensor &before = run.inputs.at("cache"), &x = run.inputs.at("x"),
                     &after = run.states.at("cache");
    for (int64_t b = 0; b < s.batch; ++b)
      for (int64_t t = 0; t < s.o.cache_frames; ++t) {
        const int64_t seen = t + s.frames;  // in [cache; x]
        for (int64_t y = 0; y < s.rows; ++y)
          for (int64_t c = 0; c < s.channels; ++c)
            ASSERT_EQ(element(after, {b, t, y, 0, c}), seen >= s.o.cache_frames
                                                           ? element(x, {b, seen - s.o.cache_frames, y, 0, c})
                                                           : element(before, {b, seen, y, 0, c}));
      }
  }
}

TEST(CausalConv3d, ThreadsDoNotChangeABit) {
  for (const Sizes& s : kCases) {
    const HostTensor one = run_case(make_case(s), 1).outputs.at("y"),
                     two = run_case(make_case(s), 2).outputs.at("y");
    EXPECT_EQ(std::memcmp(one.data(), two.data(), one.bytes()), 0);
  }
}

TEST(CausalConv3d, RefusesShapesThatDoNotFit) {
  Graph g("g");
  Tensor x = g.input("x", DType::f32, {1, 1, 4, 4, 3});
  EXPECT_THROW(causal_conv3d(x, g.parameter("w", {5, 4, 1, 3, 3}), {}, {}, {}), GraphError);
  Tensor w = g.parameter("w2", {5, 3, 3, 3, 3});
  EXPECT_THROW(causal_conv3d(x, g.parameter("w1", {5, 3, 1, 1, 1}), {}, {}, kDoubled), GraphError);
  EXPECT_THROW(causal_conv3d(x, w, {}, {}, {}), GraphError);  // three frames needed, one there
  EXPECT_THROW(causal_conv3d(x, w, {}, g.state("c", DType::f32, {1, 1, 4, 4, 3}), kSame), GraphError);
}

}  // namespace
}  // namespace zoetrope
