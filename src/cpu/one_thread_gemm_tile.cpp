// For the engine alone, where the CPU is what the GPU is tested against: C (m, n) = alpha A (m, k) Bᵀ + beta
// C in panels of sixteen columns. Of B (n, k) a block of 16 rows and at most 256 columns is turned at a time.
#include <algorithm>
#include <cmath>

#include "cpu/one_thread_gemm.h"
#include "cpu/tile.h"

namespace zoetrope {
namespace {

constexpr int64_t kRows = 48, kDepth = 256;  // of a block: 48 rows of C, 256 products of a sum

// panel (depth, 16): the rows [column, column + width) of B from `first` on, turned; zeros beside them.
void turn(const float* b, int64_t ldb, int64_t width, int64_t depth, float* panel) {
  std::fill_n(panel, depth * kPanel, 0.0f);
  for (int64_t j = 0; j < width; ++j)
    for (int64_t i = 0; i < depth; ++i) panel[i * kPanel + j] = b[j * ldb + i];
}

}  // namespace

void one_thread_gemm(const GemmShape& s, float alpha, const float* a, const float* b, float beta, float* c) {
  float panel[kDepth * kPanel], sums[kRows * kPanel];
  for (int64_t column = 0; column < s.n; column += kPanel) {
    const int64_t width = std::min(kPanel, s.n - column);
    for (int64_t row = 0; row < s.m; row += kRows) {
      const int64_t rows = std::min(kRows, s.m - row);
      std::fill_n(sums, rows * kPanel, 0.0f);
      for (int64_t first = 0; first < s.k; first += kDepth) {
        const int64_t depth = std::min(kDepth, s.k - first);
        turn(b + column * s.ldb + first, s.ldb, width, depth, panel);
        multiply_panel(a + row * s.lda + first, s.lda, panel, depth, sums, kPanel, rows, true);
      }
      for (int64_t r = 0; r < rows; ++r) {
        float* out = c + (row + r) * s.ldc + column;
        for (int64_t j = 0; j < width; ++j)
          out[j] = alpha * sums[r * kPanel + j] + (beta == 0 ? 0.0f : beta * out[j]);
      }
    }
  }
}

void take_gemm_memory(int) {}

}  // namespace zoetrope
