// x (B, L, H, D), cos and sin (P, D/2) -> (B, L, H, D). A pair is read before it is written: y may lie over
// x.
#include "ops/rotary_cpu.h"

#include <immintrin.h>

#include "cpu/parallel.h"
#include "ops/kernel.h"
#include "ops/rotary.h"

namespace zoetrope {
namespace {

// x1 and x2: the halves of a head.
void turn_halves(const float* x, const float* cos, const float* sin, float* y, int64_t half) {
  int64_t i = 0;
  for (; i + 8 <= half; i += 8) {
    const __m256 a = _mm256_loadu_ps(x + i), b = _mm256_loadu_ps(x + half + i);
    const __m256 c = _mm256_loadu_ps(cos + i), s = _mm256_loadu_ps(sin + i);
    _mm256_storeu_ps(y + i, _mm256_sub_ps(_mm256_mul_ps(a, c), _mm256_mul_ps(b, s)));
    _mm256_storeu_ps(y + half + i, _mm256_add_ps(_mm256_mul_ps(b, c), _mm256_mul_ps(a, s)));
  }
  for (; i < half; ++i) {
    const float a = x[i], b = x[half + i];
    y[i] = a * cos[i] - b * sin[i];
    y[half + i] = b * cos[i] + a * sin[i];
  }
}

void run(const Launch& launch, const Attributes* attributes) {
  const bool halves = static_cast<const RotaryAttributes&>(*attributes).style == RotaryStyle::half;
  const Shape &shape = launch.inputs[0].shape, &table = launch.inputs[1].shape;
  const int64_t tokens = shape[1], heads = shape[2], width = shape[3], half = width / 2;
  const TensorView& positions = launch.inputs[3];
  const int64_t per_batch = positions.data && positions.shape[0] == shape[0] ? tokens : 0;
  parallel_ranges(shape[0] * tokens, std::max<int64_t>(1, 4096 / std::max<int64_t>(heads * width, 1)),
                  [&](int64_t first, int64_t last) {
                    for (int64_t i = first; i < last; ++i) {
                      const int64_t b = i / tokens, l = i % tokens;
                      const int64_t asked =
                          positions.data ? positions.as<const int32_t>()[b * per_batch + l] : l;
                      const int64_t row = std::clamp<int64_t>(asked, 0, table[0] - 1) * half;
                      const float *cos = launch.inputs[1].as<const float>() + row,
                                  *sin = launch.inputs[2].as<const float>() + row;
                      for (int64_t h = 0; h < heads; ++h) {
                        const int64_t at = (i * heads + h) * width;
                        const float* x = launch.inputs[0].as<const float>() + at;
                        float* y = launch.outputs[0].as<float>() + at;
                        halves ? turn_halves(x, cos, sin, y, half) : turn_pairs(x, cos, sin, y, half);
                      }
                    }
                  });
}

}  // namespace

void turn_pairs(const float* x, const float* cos, const float* sin, float* y, int64_t half) {
  const __m256i twice = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3);
  auto spread = [&](const float* four) {
    return _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(four)), twice);
  };
  int64_t i = 0;
  for (; i + 4 <= half; i += 4) {
    const __m256 v = _mm256_loadu_ps(x + 2 * i), swapped = _mm256_permute_ps(v, 0xB1);
    _mm256_storeu_ps(y + 2 * i, _mm256_addsub_ps(_mm256_mul_ps(v, spread(cos + i)),
                                                 _mm256_mul_ps(swapped, spread(sin + i))));
  }
  for (; i < half; ++i) {
    const float a = x[2 * i], b = x[2 * i + 1];
    y[2 * i] = a * cos[i] - b * sin[i];
    y[2 * i + 1] = b * cos[i] + a * sin[i];
  }
}

std::span<const Kernel* const> rotary_cpu_kernels() {
  static const FunctionKernel kernel("avx2 rotary", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
