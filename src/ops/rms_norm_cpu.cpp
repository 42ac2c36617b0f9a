// x (rows, C), weight (C) -> y (rows, C). Eight rows at a time: their sums of squares, their eight factors at
// once, the products. y may lie over x.
#include "ops/rms_norm_cpu.h"

#include "cpu/elementwise.h"
#include "cpu/parallel.h"
#include "cpu/vector_math.h"
#include "ops/kernel.h"
#include "ops/rms_norm.h"

namespace zoetrope {
namespace {

// Eight partial sums of squares of a row.
__m256 squares_of(const float* x, int64_t n) {
  __m256 a = _mm256_setzero_ps(), b = _mm256_setzero_ps();
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256 u = _mm256_loadu_ps(x + i), v = _mm256_loadu_ps(x + i + 8);
    a = _mm256_fmadd_ps(u, u, a);
    b = _mm256_fmadd_ps(v, v, b);
  }
  for (; i < n; i += 8) {
    const __m256 u = i + 8 <= n ? _mm256_loadu_ps(x + i) : load_part(x + i, n - i);
    a = _mm256_fmadd_ps(u, u, a);
  }
  return _mm256_add_ps(a, b);
}

// Lane r: the sum of row r's lanes.
__m256 sums_of_rows(const __m256 (&row)[8]) {
  const __m256 low = _mm256_hadd_ps(_mm256_hadd_ps(row[0], row[1]), _mm256_hadd_ps(row[2], row[3]));
  const __m256 high = _mm256_hadd_ps(_mm256_hadd_ps(row[4], row[5]), _mm256_hadd_ps(row[6], row[7]));
  return _mm256_add_ps(_mm256_permute2f128_ps(low, high, 0x20), _mm256_permute2f128_ps(low, high, 0x31));
}

// What the rows with these sums of squares are multiplied by.
__m256 factors_of(const RmsNormAttributes& settings, __m256 sums, int64_t channels) {
  const auto count = static_cast<float>(channels);
  const __m256 eps = _mm256_set1_ps(settings.eps), one = _mm256_set1_ps(1.0f);
  if (settings.l2)
    return _mm256_div_ps(_mm256_sqrt_ps(_mm256_set1_ps(count)), _mm256_max_ps(eps, _mm256_sqrt_ps(sums)));
  return _mm256_div_ps(one, _mm256_sqrt_ps(_mm256_add_ps(_mm256_div_ps(sums, _mm256_set1_ps(count)), eps)));
}

void scale_row(const float* x, const float* weight, float factor, bool with_silu, float* y, int64_t n) {
  const __m256 f = _mm256_set1_ps(factor);
  const auto plain = [&](__m256 v) { return _mm256_mul_ps(v, f); };
  const auto weighted = [&](__m256 v, __m256 w) { return _mm256_mul_ps(_mm256_mul_ps(v, f), w); };
  if (!weight)
    with_silu ? map8(x, y, n, [&](__m256 v) { return silu8(plain(v)); }) : map8(x, y, n, plain);
  else if (with_silu)
    zip8(x, weight, y, n, [&](__m256 v, __m256 w) { return silu8(weighted(v, w)); });
  else
    zip8(x, weight, y, n, weighted);
}

void run(const Launch& launch, const Attributes* attributes) {
  const auto& settings = static_cast<const RmsNormAttributes&>(*attributes);
  const auto *x = launch.inputs[0].as<const float>(), *weight = launch.inputs[1].as<const float>();
  auto* y = launch.outputs[0].as<float>();
  const Shape& shape = launch.inputs[0].shape;
  const int64_t channels = shape[-1], rows = shape.elements() / std::max<int64_t>(channels, 1);
  const int64_t grain = std::max<int64_t>(1, 1024 / std::max<int64_t>(channels, 1)) * 8;
  parallel_ranges(rows, grain, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; row += 8) {
      const int64_t count = std::min<int64_t>(8, last - row);
      float factors[8];
      row_factors(settings, x + row * channels, count, channels, factors);
      for (int64_t r = 0; r < count; ++r)
        scale_row(x + (row + r) * channels, weight, factors[r], settings.silu, y + (row + r) * channels,
                  channels);
    }
  });
}

}  // namespace

void row_factors(const RmsNormAttributes& settings, const float* x, int64_t count, int64_t channels,
                 float (&factors)[8]) {
  __m256 squares[8];
  for (int64_t r = 0; r < 8; ++r)  // behind the last row it once more
    squares[r] = squares_of(x + std::min(r, count - 1) * channels, channels);
  _mm256_storeu_ps(factors, factors_of(settings, sums_of_rows(squares), channels));
}

std::span<const Kernel* const> rms_norm_cpu_kernels() {
  static const FunctionKernel kernel("avx2 rms norm", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
