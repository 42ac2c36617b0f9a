// x (rows, C), weight (C) -> y (rows, C). One pass for the sum of squares (eight partial sums, then in
// double), one for the products. y may lie over x.
#include <cmath>

#include "cpu/parallel.h"
#include "cpu/vector_math.h"
#include "ops/kernel.h"
#include "ops/rms_norm.h"

namespace zoetrope {
namespace {

double sum_of_squares(const float* x, int64_t n) {
  __m256 a = _mm256_setzero_ps(), b = _mm256_setzero_ps();
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256 u = _mm256_loadu_ps(x + i), v = _mm256_loadu_ps(x + i + 8);
    a = _mm256_fmadd_ps(u, u, a);
    b = _mm256_fmadd_ps(v, v, b);
  }
  double tail = 0;
  for (; i < n; ++i) tail += static_cast<double>(x[i]) * x[i];
  return static_cast<double>(sum8(_mm256_add_ps(a, b))) + tail;
}

void scale_row(const float* x, const float* weight, float factor, bool with_silu, float* y, int64_t n) {
  const __m256 f = _mm256_set1_ps(factor);
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    __m256 v = _mm256_mul_ps(_mm256_loadu_ps(x + i), f);
    if (weight) v = _mm256_mul_ps(v, _mm256_loadu_ps(weight + i));
    _mm256_storeu_ps(y + i, with_silu ? silu8(v) : v);
  }
  for (; i < n; ++i) {
    const float v = x[i] * factor * (weight ? weight[i] : 1.0f);
    y[i] = with_silu ? v / (1.0f + std::exp(-v)) : v;
  }
}

void run(const Launch& launch, const Attributes* attributes) {
  const auto& settings = static_cast<const RmsNormAttributes&>(*attributes);
  const TensorView& x = launch.inputs[0];
  const auto* weight = launch.inputs[1].as<const float>();
  const int64_t channels = x.shape[-1], rows = x.shape.elements() / std::max<int64_t>(channels, 1);
  parallel_ranges(
      rows, std::max<int64_t>(1, 8192 / std::max<int64_t>(channels, 1)), [&](int64_t first, int64_t last) {
        for (int64_t row = first; row < last; ++row) {
          const float* in = x.as<const float>() + row * channels;
          const double sum = sum_of_squares(in, channels);
          const double factor = settings.l2
                                    ? std::sqrt(static_cast<double>(channels)) /
                                          std::max(std::sqrt(sum), static_cast<double>(settings.eps))
                                    : 1.0 / std::sqrt(sum / static_cast<double>(channels) + settings.eps);
          scale_row(in, weight, static_cast<float>(factor), settings.silu,
                    launch.outputs[0].as<float>() + row * channels, channels);
        }
      });
}

}  // namespace

std::span<const Kernel* const> rms_norm_cpu_kernels() {
  static const FunctionKernel kernel("avx2 rms norm", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
