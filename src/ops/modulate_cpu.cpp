// x (B, L, D), scale and shift rows -> x · (1 + scale) + shift. y may lie over x.
#include "cpu/elementwise.h"
#include "cpu/parallel.h"
#include "ops/kernel.h"
#include "ops/modulate.h"
#include "ops/row_broadcast.h"

namespace zoetrope {
namespace {

void run(const Launch& launch, const Attributes*) {
  const Shape& shape = launch.inputs[0].shape;
  const int64_t tokens = shape[1], width = shape[2];
  const RowPlace scale(launch.inputs[1].shape, shape), shift(launch.inputs[2].shape, shape);
  const __m256 one = _mm256_set1_ps(1.0f);
  parallel_ranges(shape[0] * tokens, std::max<int64_t>(1, 8192 / std::max<int64_t>(width, 1)),
                  [&](int64_t first, int64_t last) {
                    for (int64_t i = first; i < last; ++i) {
                      const int64_t b = i / tokens, l = i % tokens;
                      zip8(launch.inputs[0].as<const float>() + i * width,
                           launch.inputs[1].as<const float>() + scale.at(b, l),
                           launch.inputs[2].as<const float>() + shift.at(b, l),
                           launch.outputs[0].as<float>() + i * width, width,
                           [&](__m256 x, __m256 s, __m256 t) {
                             return _mm256_add_ps(_mm256_mul_ps(x, _mm256_add_ps(one, s)), t);
                           });
                    }
                  });
}

}  // namespace

std::span<const Kernel* const> modulate_cpu_kernels() {
  static const FunctionKernel kernel("avx2 elementwise", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
