// x (rows, C), weight (C), bias (C) -> y (rows, C). Two passes for mean and variance (eight partial sums,
// then in double), one for the result. y may lie over x.
#include "ops/layer_norm_cpu.h"

#include <cmath>

#include "cpu/elementwise.h"
#include "cpu/parallel.h"
#include "cpu/vector_math.h"
#include "ops/kernel.h"
#include "ops/layer_norm.h"

namespace zoetrope {
namespace {

double sum_row(const float* x, int64_t n) {
  __m256 sum = _mm256_setzero_ps();
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) sum = _mm256_add_ps(sum, _mm256_loadu_ps(x + i));
  double tail = 0;
  for (; i < n; ++i) tail += x[i];
  return static_cast<double>(sum8(sum)) + tail;
}

// The sum of (x - mean)².
double sum_of_deviations(const float* x, float mean, int64_t n) {
  const __m256 m = _mm256_set1_ps(mean);
  __m256 sum = _mm256_setzero_ps();
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 d = _mm256_sub_ps(_mm256_loadu_ps(x + i), m);
    sum = _mm256_fmadd_ps(d, d, sum);
  }
  double tail = 0;
  for (; i < n; ++i) tail += static_cast<double>(x[i] - mean) * (x[i] - mean);
  return static_cast<double>(sum8(sum)) + tail;
}

void norm_row(const float* x, const float* weight, const float* bias, float eps, float* y, int64_t n) {
  const RowMoments moments = row_moments(x, eps, n);
  const __m256 m = _mm256_set1_ps(moments.mean), f = _mm256_set1_ps(moments.factor);
  map8(x, y, n, [&](__m256 v) { return _mm256_mul_ps(_mm256_sub_ps(v, m), f); });
  if (weight) zip8(y, weight, y, n, [](__m256 v, __m256 w) { return _mm256_mul_ps(v, w); });
  if (bias) zip8(y, bias, y, n, [](__m256 v, __m256 b) { return _mm256_add_ps(v, b); });
}

void run(const Launch& launch, const Attributes* attributes) {
  const float eps = static_cast<const LayerNormAttributes&>(*attributes).eps;
  const TensorView& x = launch.inputs[0];
  const auto *weight = launch.inputs[1].as<const float>(), *bias = launch.inputs[2].as<const float>();
  const int64_t channels = x.shape[-1], rows = x.shape.elements() / std::max<int64_t>(channels, 1);
  parallel_ranges(rows, std::max<int64_t>(1, 8192 / std::max<int64_t>(channels, 1)),
                  [&](int64_t first, int64_t last) {
                    for (int64_t row = first; row < last; ++row)
                      norm_row(x.as<const float>() + row * channels, weight, bias, eps,
                               launch.outputs[0].as<float>() + row * channels, channels);
                  });
}

}  // namespace

RowMoments row_moments(const float* x, float eps, int64_t n) {
  const auto mean = static_cast<float>(sum_row(x, n) / static_cast<double>(n));
  const double variance = sum_of_deviations(x, mean, n) / static_cast<double>(n);
  return {mean, static_cast<float>(1.0 / std::sqrt(variance + static_cast<double>(eps)))};
}

std::span<const Kernel* const> layer_norm_cpu_kernels() {
  static const FunctionKernel kernel("avx2 layer norm", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
