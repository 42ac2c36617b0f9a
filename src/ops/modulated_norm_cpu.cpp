// x (B, L, D), scale and shift rows -> layer_norm(x) · (1 + scale) + shift: mean and variance as layer_norm
// makes them, then one pass. The bits are those of layer_norm and modulate. y may lie over x.
#include "cpu/elementwise.h"
#include "cpu/parallel.h"
#include "ops/kernel.h"
#include "ops/layer_norm_cpu.h"
#include "ops/modulated_norm.h"
#include "ops/row_broadcast.h"

namespace zoetrope {
namespace {

void run(const Launch& launch, const Attributes* attributes) {
  const float eps = static_cast<const ModulatedNormAttributes&>(*attributes).eps;
  const Shape& shape = launch.inputs[0].shape;
  const int64_t tokens = shape[1], width = shape[2];
  const RowPlace scale(launch.inputs[1].shape, shape), shift(launch.inputs[2].shape, shape);
  const __m256 one = _mm256_set1_ps(1.0f);
  parallel_ranges(shape[0] * tokens, std::max<int64_t>(1, 8192 / std::max<int64_t>(width, 1)),
                  [&](int64_t first, int64_t last) {
                    for (int64_t i = first; i < last; ++i) {
                      const int64_t b = i / tokens, l = i % tokens;
                      const float* x = launch.inputs[0].as<const float>() + i * width;
                      const RowMoments moments = row_moments(x, eps, width);
                      const __m256 m = _mm256_set1_ps(moments.mean), f = _mm256_set1_ps(moments.factor);
                      zip8(x, launch.inputs[1].as<const float>() + scale.at(b, l),
                           launch.inputs[2].as<const float>() + shift.at(b, l),
                           launch.outputs[0].as<float>() + i * width, width,
                           [&](__m256 v, __m256 s, __m256 t) {
                             const __m256 normed = _mm256_mul_ps(_mm256_sub_ps(v, m), f);
                             return _mm256_add_ps(_mm256_mul_ps(normed, _mm256_add_ps(one, s)), t);
                           });
                    }
                  });
}

}  // namespace

std::span<const Kernel* const> modulated_norm_cpu_kernels() {
  static const FunctionKernel kernel("avx2 norm and modulation", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
