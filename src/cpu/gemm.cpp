#include "cpu/gemm.h"

#include <immintrin.h>
#include <omp.h>

#include <algorithm>

#include "cpu/one_thread_gemm.h"
#include "cpu/parallel.h"
#include "cpu/vector_math.h"

namespace zoetrope {

namespace {

// A product this small is done before a second thread has woken up.
constexpr double kSmallFlops = 4e6;
// Rows of C are shared out to the threads in multiples of this, which the library's kernels divide.
constexpr int64_t kSliceRows = 16;

// While it lives, a product runs on the caller's thread alone. Larger ones are shared out here and not by
// OpenBLAS, whose own sharing takes memory for its queue at every call and waits by spinning.
class OneThread {
 public:
  explicit OneThread(bool wanted) : before_(wanted ? omp_get_max_threads() : 0) {
    if (before_ > 1) omp_set_num_threads(1);
  }
  ~OneThread() {
    if (before_ > 1) omp_set_num_threads(before_);
  }
  OneThread(const OneThread&) = delete;

 private:
  int before_;
};

bool is_small(const GemmShape& s) {
  return 2.0 * static_cast<double>(s.m) * static_cast<double>(s.n) * static_cast<double>(s.k) < kSmallFlops;
}

// c[j] = alpha a · b[j] + beta c[j] for the rows of B: bound by reading B once, so the rows are shared out by
// bytes.
void matrix_times_vector(const GemmShape& s, float alpha, const float* a, const float* b, float beta,
                         float* c) {
  parallel_ranges(
      s.n, std::max<int64_t>(1, 262144 / std::max<int64_t>(s.k, 1)), [&](int64_t first, int64_t last) {
        for (int64_t j = first; j < last; ++j) {
          const float* row = b + j * s.ldb;
          __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                            _mm256_setzero_ps()};
          int64_t i = 0;
          for (; i + 32 <= s.k; i += 32)
            for (int u = 0; u < 4; ++u)
              sums[u] =
                  _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8 * u), _mm256_loadu_ps(row + i + 8 * u), sums[u]);
          float sum = sum8(_mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])));
          for (; i < s.k; ++i) sum += a[i] * row[i];
          c[j] = alpha * sum + (beta == 0 ? 0.0f : beta * c[j]);
        }
      });
}

}  // namespace

void gemm_nt(const GemmShape& s, float alpha, const float* a, const float* b, float beta, float* c) {
  if (s.m == 0 || s.n == 0) return;
  if (s.m == 1) return matrix_times_vector(s, alpha, a, b, beta, c);
  const OneThread one(is_small(s) || std::max(s.m, s.n) < 2 * kSliceRows);
  // The longer side of C is shared out; each thread then packs the other operand for itself.
  const bool by_rows = s.m >= s.n;
  parallel_ranges(by_rows ? s.m : s.n, kSliceRows, [&](int64_t first, int64_t last) {
    GemmShape slice = s;
    (by_rows ? slice.m : slice.n) = last - first;
    if (by_rows)
      one_thread_gemm(slice, alpha, a + first * s.lda, b, beta, c + first * s.ldc);
    else
      one_thread_gemm(slice, alpha, a, b + first * s.ldb, beta, c + first);
  });
}

int64_t widen_block_rows(int64_t rows, int64_t columns) {
  constexpr int64_t kBlockElements = 256 * 1024;  // 1 MiB of float32
  return std::clamp<int64_t>(kBlockElements / std::max<int64_t>(columns, 1), 16, std::max<int64_t>(rows, 1));
}

}  // namespace zoetrope
