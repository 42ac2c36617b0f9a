// Copies of rows that lie apart, split over the OpenMP pool.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "cpu/parallel.h"

namespace zoetrope {

struct RowCopy {
  int64_t rows;
  int64_t row_bytes;
  int64_t to_stride;    // bytes from one row to the next
  int64_t from_stride;  // likewise
};

inline void copy_rows(const RowCopy& copy, char* to, const char* from) {
  if (copy.rows == 0 || copy.row_bytes == 0) return;
  constexpr int64_t kPiece = 64 * 1024;  // bytes worth a thread's while
  if (copy.row_bytes <= kPiece) {
    parallel_ranges(copy.rows, kPiece / copy.row_bytes, [&](int64_t first, int64_t last) {
      for (int64_t r = first; r < last; ++r)
        std::memcpy(to + r * copy.to_stride, from + r * copy.from_stride,
                    static_cast<size_t>(copy.row_bytes));
    });
    return;
  }
  const int64_t pieces = (copy.row_bytes + kPiece - 1) / kPiece;
  parallel_ranges(copy.rows * pieces, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t row = i / pieces, start = i % pieces * kPiece;
      std::memcpy(to + row * copy.to_stride + start, from + row * copy.from_stride + start,
                  static_cast<size_t>(std::min(kPiece, copy.row_bytes - start)));
    }
  });
}

inline void copy_bytes(char* to, const char* from, int64_t bytes) {
  copy_rows({1, bytes, bytes, bytes}, to, from);
}

}  // namespace zoetrope
