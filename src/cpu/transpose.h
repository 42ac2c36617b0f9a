// Transposes of float32 blocks in registers.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace zoetrope {

// y[j · y_stride + i] = x[i · x_stride + j] for i, j < 8.
inline void transpose8(const float* x, int64_t x_stride, float* y, int64_t y_stride) {
  __m256 r[8], t[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(x + i * x_stride);
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; ++j) {
      r[i + 2 * j] = _mm256_shuffle_ps(t[i + j], t[i + j + 2], 0x44);
      r[i + 2 * j + 1] = _mm256_shuffle_ps(t[i + j], t[i + j + 2], 0xEE);
    }
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(y + i * y_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(y + (i + 4) * y_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}

// y[j · y_stride + i] = x[i · x_stride + j] for i < rows, j < columns.
inline void transpose(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows,
                      int64_t columns) {
  const int64_t whole_rows = rows / 8 * 8, whole_columns = columns / 8 * 8;
  for (int64_t j = 0; j < whole_columns; j += 8) {
    for (int64_t i = 0; i < whole_rows; i += 8)
      transpose8(x + i * x_stride + j, x_stride, y + j * y_stride + i, y_stride);
    for (int64_t c = j; c < j + 8; ++c)
      for (int64_t i = whole_rows; i < rows; ++i) y[c * y_stride + i] = x[i * x_stride + c];
  }
  for (int64_t j = whole_columns; j < columns; ++j)
    for (int64_t i = 0; i < rows; ++i) y[j * y_stride + i] = x[i * x_stride + j];
}

}  // namespace zoetrope
