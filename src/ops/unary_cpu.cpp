// x (n) -> y (n), float32. Eight at a time where a vector form exists; the exact gelu goes through erf one by
// one.
#include <cmath>

#include "cpu/parallel.h"
#include "cpu/vector_math.h"
#include "ops/kernel.h"
#include "ops/unary.h"

namespace zoetrope {
namespace {

template <class Vector>
void map8(const float* x, float* y, int64_t first, int64_t last, const Vector& f) {
  int64_t i = first;
  for (; i + 8 <= last; i += 8) _mm256_storeu_ps(y + i, f(_mm256_loadu_ps(x + i)));
  if (i < last) {
    alignas(32) float tail[8] = {};
    std::copy(x + i, x + last, tail);
    _mm256_store_ps(tail, f(_mm256_load_ps(tail)));
    std::copy(tail, tail + (last - i), y + i);
  }
}

void run_range(const UnaryAttributes& attributes, const float* x, float* y, int64_t first, int64_t last) {
  const __m256 a = _mm256_set1_ps(attributes.a), b = _mm256_set1_ps(attributes.b), zero = _mm256_setzero_ps();
  switch (attributes.kind) {
    case UnaryKind::silu:
      return map8(x, y, first, last, silu8);
    case UnaryKind::gelu_tanh:
      return map8(x, y, first, last, gelu_tanh8);
    case UnaryKind::tanh:
      return map8(x, y, first, last, tanh8);
    case UnaryKind::sigmoid:
      return map8(x, y, first, last, sigmoid8);
    case UnaryKind::exp:
      return map8(x, y, first, last, exp8);
    // max and min return their second operand for NaN: x comes second so that NaN is kept.
    case UnaryKind::relu:
      return map8(x, y, first, last, [&](__m256 v) { return _mm256_max_ps(zero, v); });
    case UnaryKind::neg:
      return map8(x, y, first, last, [&](__m256 v) { return _mm256_sub_ps(zero, v); });
    case UnaryKind::scale:
      return map8(x, y, first, last, [&](__m256 v) { return _mm256_mul_ps(a, v); });
    case UnaryKind::clamp:
      return map8(x, y, first, last, [&](__m256 v) { return _mm256_min_ps(b, _mm256_max_ps(a, v)); });
    case UnaryKind::identity:
      return map8(x, y, first, last, [](__m256 v) { return v; });
    case UnaryKind::gelu:
      for (int64_t i = first; i < last; ++i)
        y[i] = 0.5f * x[i] * (1.0f + std::erf(x[i] * 0.70710678118654752f));
      return;
  }
}

void run(const Launch& launch, const Attributes* attributes) {
  const auto* x = launch.inputs[0].as<const float>();
  auto* y = launch.outputs[0].as<float>();
  parallel_ranges(launch.inputs[0].shape.elements(), 4096, [&](int64_t first, int64_t last) {
    run_range(static_cast<const UnaryAttributes&>(*attributes), x, y, first, last);
  });
}

}  // namespace

std::span<const Kernel* const> unary_cpu_kernels() {
  static const FunctionKernel kernel("avx2 elementwise", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
