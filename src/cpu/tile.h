// The inner product of small matrices on one thread: up to six rows times a panel of sixteen columns, in
// twelve accumulators. An element's sum runs over k in order, whatever the number of rows, so results do not
// depend on how rows are grouped.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstdint>

#include "cpu/unroll.h"

namespace zoetrope {

inline constexpr int64_t kTileRows = 6;
inline constexpr int64_t kPanel = 16;  // columns of a panel; b is (k, 16), zeros where a matrix has fewer

template <int R>
__attribute__((noinline)) void tile_rows(const float* a, int64_t lda, const float* b, int64_t k, float* c,
                                         int64_t ldc, bool accumulate) {
  __m256 sum[R][2];
  unroll<R>([&](auto r) ZT_INLINE {
    sum[r][0] = accumulate ? _mm256_loadu_ps(c + r * ldc) : _mm256_setzero_ps();
    sum[r][1] = accumulate ? _mm256_loadu_ps(c + r * ldc + 8) : _mm256_setzero_ps();
  });
  for (int64_t i = 0; i < k; ++i) {
    const __m256 b0 = _mm256_loadu_ps(b + i * kPanel), b1 = _mm256_loadu_ps(b + i * kPanel + 8);
    unroll<R>([&](auto r) ZT_INLINE {
      const __m256 value = _mm256_broadcast_ss(a + r * lda + i);
      sum[r][0] = _mm256_fmadd_ps(value, b0, sum[r][0]);
      sum[r][1] = _mm256_fmadd_ps(value, b1, sum[r][1]);
    });
  }
  unroll<R>([&](auto r) ZT_INLINE {
    _mm256_storeu_ps(c + r * ldc, sum[r][0]);
    _mm256_storeu_ps(c + r * ldc + 8, sum[r][1]);
  });
}

// c (rows, 16) = a (rows, k) · b (k, 16), onto c where `accumulate`; rows of a and c lie lda and ldc apart.
inline void multiply_panel(const float* a, int64_t lda, const float* b, int64_t k, float* c, int64_t ldc,
                           int64_t rows, bool accumulate) {
  for (int64_t r = 0; r < rows; r += kTileRows) {
    const float* from = a + r * lda;
    float* to = c + r * ldc;
    switch (std::min(kTileRows, rows - r)) {
      case 6:
        tile_rows<6>(from, lda, b, k, to, ldc, accumulate);
        break;
      case 5:
        tile_rows<5>(from, lda, b, k, to, ldc, accumulate);
        break;
      case 4:
        tile_rows<4>(from, lda, b, k, to, ldc, accumulate);
        break;
      case 3:
        tile_rows<3>(from, lda, b, k, to, ldc, accumulate);
        break;
      case 2:
        tile_rows<2>(from, lda, b, k, to, ldc, accumulate);
        break;
      default:
        tile_rows<1>(from, lda, b, k, to, ldc, accumulate);
    }
  }
}

}  // namespace zoetrope
