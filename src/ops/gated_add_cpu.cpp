// x, y (B, L, D), gate rows -> x + y · gate. The result may lie over x or y.
#include "cpu/elementwise.h"
#include "cpu/parallel.h"
#include "ops/gated_add.h"
#include "ops/kernel.h"
#include "ops/row_broadcast.h"

namespace zoetrope {
namespace {

void run(const Launch& launch, const Attributes*) {
  const Shape& shape = launch.inputs[0].shape;
  const int64_t tokens = shape[1], width = shape[2];
  const RowPlace gate(launch.inputs[2].shape, shape);
  parallel_ranges(
      shape[0] * tokens, std::max<int64_t>(1, 8192 / std::max<int64_t>(width, 1)),
      [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i)
          zip8(launch.inputs[0].as<const float>() + i * width, launch.inputs[1].as<const float>() + i * width,
               launch.inputs[2].as<const float>() + gate.at(i / tokens, i % tokens),
               launch.outputs[0].as<float>() + i * width, width,
               [](__m256 x, __m256 y, __m256 g) { return _mm256_add_ps(x, _mm256_mul_ps(y, g)); });
      });
}

}  // namespace

std::span<const Kernel* const> gated_add_cpu_kernels() {
  static const FunctionKernel kernel("avx2 elementwise", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
