// x (B, L, H d), weight (H d), cos and sin (P, d/2) -> (B, L, H, d). Eight tokens at a time: their factors,
// then each row is scaled and turned where it then lies. The bits are those of rms_norm and rotary. y may lie
// over x.
#include "cpu/elementwise.h"
#include "cpu/parallel.h"
#include "ops/kernel.h"
#include "ops/rms_norm_cpu.h"
#include "ops/rms_norm_rotary.h"
#include "ops/rotary_cpu.h"

namespace zoetrope {
namespace {

void scale_row(const float* x, const float* weight, float factor, float* y, int64_t n) {
  const __m256 f = _mm256_set1_ps(factor);
  if (weight)
    zip8(x, weight, y, n, [&](__m256 v, __m256 w) { return _mm256_mul_ps(_mm256_mul_ps(v, f), w); });
  else
    map8(x, y, n, [&](__m256 v) { return _mm256_mul_ps(v, f); });
}

void run(const Launch& launch, const Attributes* attributes) {
  const auto& settings = static_cast<const RmsNormRotaryAttributes&>(*attributes);
  RmsNormAttributes norm;
  norm.eps = settings.eps;
  const Shape& shape = launch.inputs[0].shape;
  const int64_t tokens = shape[1], width = shape[2], head = width / settings.heads;
  const auto *x = launch.inputs[0].as<const float>(), *weight = launch.inputs[1].as<const float>(),
             *cos = launch.inputs[2].as<const float>(), *sin = launch.inputs[3].as<const float>();
  auto* y = launch.outputs[0].as<float>();
  const int64_t grain = std::max<int64_t>(1, 1024 / std::max<int64_t>(width, 1)) * 8;
  parallel_ranges(shape[0] * tokens, grain, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; row += 8) {
      const int64_t count = std::min<int64_t>(8, last - row);
      float factors[8];
      row_factors(norm, x + row * width, count, width, factors);
      for (int64_t r = row; r < row + count; ++r) {
        float* to = y + r * width;
        scale_row(x + r * width, weight, factors[r - row], to, width);
        const int64_t angles = r % tokens * (head / 2);
        for (int64_t h = 0; h < width; h += head)
          turn_pairs(to + h, cos + angles, sin + angles, to + h, head / 2);
      }
    }
  });
}

}  // namespace

std::span<const Kernel* const> rms_norm_rotary_cpu_kernels() {
  static const FunctionKernel kernel("avx2 norm and rotary", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
