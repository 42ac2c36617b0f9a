// terms (n), coefficients (k) -> (n). All terms of an element are read before it is written: y may lie over
// one.
#include "cpu/elementwise.h"
#include "cpu/parallel.h"
#include "ops/kernel.h"
#include "ops/linear_combination.h"

namespace zoetrope {
namespace {

void run(const Launch& launch, const Attributes*) {
  const size_t terms = launch.inputs.size() - 1;
  const auto* coefficients = launch.inputs[terms].as<const float>();
  auto* y = launch.outputs[0].as<float>();
  parallel_ranges(launch.outputs[0].shape.elements(), 4096, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i += 8) {
      const int64_t count = std::min<int64_t>(8, last - i);
      __m256 sum = _mm256_setzero_ps();
      for (size_t k = 0; k < terms; ++k) {
        if (coefficients[k] == 0.0f) continue;
        const float* x = launch.inputs[k].as<const float>() + i;
        const __m256 v = count == 8 ? _mm256_loadu_ps(x) : load_part(x, count);
        sum = _mm256_add_ps(sum, _mm256_mul_ps(v, _mm256_set1_ps(coefficients[k])));
      }
      if (count == 8)
        _mm256_storeu_ps(y + i, sum);
      else
        store_part(y + i, sum, count);
    }
  });
}

}  // namespace

std::span<const Kernel* const> linear_combination_cpu_kernels() {
  static const FunctionKernel kernel("avx2 elementwise", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
