// Loops over float32 rows, eight elements at a time. The last few elements go through the same vector
// function, so a value does not depend on where in a row it stands.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace zoetrope {

// Loads the first `count` (1..8) floats, zeros behind them.
inline __m256 load_part(const float* x, int64_t count) {
  alignas(32) float part[8] = {};
  std::copy(x, x + count, part);
  return _mm256_load_ps(part);
}

inline void store_part(float* y, __m256 v, int64_t count) {
  alignas(32) float part[8];
  _mm256_store_ps(part, v);
  std::copy(part, part + count, y);
}

// y[i] = f(x[i]); y may be x.
template <class F>
void map8(const float* x, float* y, int64_t n, const F& f) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(y + i, f(_mm256_loadu_ps(x + i)));
  if (i < n) store_part(y + i, f(load_part(x + i, n - i)), n - i);
}

// y[i] = f(a[i], b[i]); y may be a or b.
template <class F>
void zip8(const float* a, const float* b, float* y, int64_t n, const F& f) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(y + i, f(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
  if (i < n) store_part(y + i, f(load_part(a + i, n - i), load_part(b + i, n - i)), n - i);
}

// y[i] = f(a[i], b[i], c[i]); y may be any of them.
template <class F>
void zip8(const float* a, const float* b, const float* c, float* y, int64_t n, const F& f) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(y + i, f(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), _mm256_loadu_ps(c + i)));
  if (i < n) {
    const int64_t k = n - i;
    store_part(y + i, f(load_part(a + i, k), load_part(b + i, k), load_part(c + i, k)), k);
  }
}

}  // namespace zoetrope
