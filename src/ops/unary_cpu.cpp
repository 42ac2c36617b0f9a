// x (n) -> y (n), float32. Eight at a time where a vector form exists; the exact gelu goes through erf one by
// one.
#include "ops/unary_cpu.h"

#include <cmath>

#include "cpu/elementwise.h"
#include "cpu/parallel.h"
#include "cpu/vector_math.h"
#include "ops/kernel.h"

namespace zoetrope {

void apply_unary(const UnaryAttributes& function, const float* x, float* y, int64_t n) {
  const __m256 a = _mm256_set1_ps(function.a), b = _mm256_set1_ps(function.b), zero = _mm256_setzero_ps();
  switch (function.kind) {
    case UnaryKind::silu:
      return map8(x, y, n, silu8);
    case UnaryKind::gelu_tanh:
      return map8(x, y, n, gelu_tanh8);
    case UnaryKind::tanh:
      return map8(x, y, n, tanh8);
    case UnaryKind::sigmoid:
      return map8(x, y, n, sigmoid8);
    case UnaryKind::exp:
      return map8(x, y, n, exp8);
    // max and min return their second operand for NaN: x comes second so that NaN is kept.
    case UnaryKind::relu:
      return map8(x, y, n, [&](__m256 v) { return _mm256_max_ps(zero, v); });
    case UnaryKind::neg:
      return map8(x, y, n, [&](__m256 v) { return _mm256_sub_ps(zero, v); });
    case UnaryKind::scale:
      return map8(x, y, n, [&](__m256 v) { return _mm256_mul_ps(a, v); });
    case UnaryKind::clamp:
      return map8(x, y, n, [&](__m256 v) { return _mm256_min_ps(b, _mm256_max_ps(a, v)); });
    case UnaryKind::identity:
      return map8(x, y, n, [](__m256 v) { return v; });
    case UnaryKind::gelu:
      for (int64_t i = 0; i < n; ++i) y[i] = 0.5f * x[i] * (1.0f + std::erf(x[i] * 0.70710678118654752f));
      return;
  }
}

namespace {

void run(const Launch& launch, const Attributes* attributes) {
  const auto* x = launch.inputs[0].as<const float>();
  auto* y = launch.outputs[0].as<float>();
  parallel_ranges(launch.inputs[0].shape.elements(), 4096, [&](int64_t first, int64_t last) {
    apply_unary(static_cast<const UnaryAttributes&>(*attributes), x + first, y + first, last - first);
  });
}

}  // namespace

std::span<const Kernel* const> unary_cpu_kernels() {
  static const FunctionKernel kernel("avx2 elementwise", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
