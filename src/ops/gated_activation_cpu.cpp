// gate (n), up (n) -> act(gate) · up (n). y may lie over either.
#include "cpu/elementwise.h"
#include "cpu/parallel.h"
#include "cpu/vector_math.h"
#include "ops/gated_activation.h"
#include "ops/kernel.h"

namespace zoetrope {
namespace {

void run_range(UnaryKind kind, const float* gate, const float* up, float* y, int64_t n) {
  switch (kind) {
    case UnaryKind::silu:
      return zip8(gate, up, y, n, [](__m256 g, __m256 u) { return _mm256_mul_ps(silu8(g), u); });
    case UnaryKind::gelu_tanh:
      return zip8(gate, up, y, n, [](__m256 g, __m256 u) { return _mm256_mul_ps(gelu_tanh8(g), u); });
    case UnaryKind::relu:
      return zip8(gate, up, y, n,
                  [](__m256 g, __m256 u) { return _mm256_mul_ps(_mm256_max_ps(_mm256_setzero_ps(), g), u); });
    default:  // gelu, through erf
      for (int64_t i = 0; i < n; ++i)
        y[i] = 0.5f * gate[i] * (1.0f + std::erf(gate[i] * 0.70710678118654752f)) * up[i];
  }
}

void run(const Launch& launch, const Attributes* attributes) {
  const UnaryKind kind = static_cast<const GatedActivationAttributes&>(*attributes).kind;
  const auto *gate = launch.inputs[0].as<const float>(), *up = launch.inputs[1].as<const float>();
  auto* y = launch.outputs[0].as<float>();
  parallel_ranges(launch.inputs[0].shape.elements(), 4096, [&](int64_t first, int64_t last) {
    run_range(kind, gate + first, up + first, y + first, last - first);
  });
}

}  // namespace

std::span<const Kernel* const> gated_activation_cpu_kernels() {
  static const FunctionKernel kernel("avx2 elementwise", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
