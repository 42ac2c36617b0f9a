// Rows that are reduced. A row lies in the registers of the threads that share it: it is read once and
// written once, however many passes the arithmetic takes. Narrow rows share a warp, a wide one has a block.
// A row too wide for registers is read anew in each pass.
#pragma once

#include <algorithm>

#include "cuda/values.cuh"

namespace zoetrope::cuda {

constexpr int kMostPacks = 4;        // of a row in one thread
constexpr int kRowThreads = 512;     // of a block at most: so many leave each thread 128 registers
constexpr int kNarrowThreads = 256;  // of a block of narrow rows

struct RowLayout {
  int64_t rows = 0, columns = 0;
  bool wide = false;     // packs of kWide values, else of few
  int packs = 0;         // that a thread holds; 0: the row is too wide
  dim3 threads, blocks;  // threads.x share a row, threads.y rows share a block
};

// `few`: the values of a pack where rows are not wide. There is one kernel for them: a thread has room for as
// many as it can hold.
inline RowLayout layout_rows(int64_t rows, int64_t columns, bool wide, int64_t few = 1) {
  RowLayout layout{rows, columns, wide, kMostPacks};
  const int64_t packs = columns / (wide ? kWide : few), needed = (packs + kMostPacks - 1) / kMostPacks;
  int64_t lanes = 1;
  while (lanes < needed && lanes < 32) lanes *= 2;
  if (lanes < needed) lanes = (needed + 31) / 32 * 32;
  if (lanes > kRowThreads) {
    layout.wide = false, layout.packs = 0;
    lanes = kRowThreads;
  } else if (wide) {
    layout.packs = static_cast<int>((packs + lanes - 1) / lanes);
  }
  layout.threads =
      dim3(static_cast<unsigned>(lanes), static_cast<unsigned>(lanes > 32 ? 1 : kNarrowThreads / lanes));
  layout.blocks = dim3(static_cast<unsigned>((rows + layout.threads.y - 1) / layout.threads.y));
  return layout;
}

inline RowLayout layout_rows(int64_t rows, int64_t columns, std::initializer_list<Values> operands) {
  return layout_rows(rows, columns, is_wide(columns, operands));
}

// Calls launch.operator()<N, P>() with the layout's values in a pack and packs in a thread (0: too wide).
template <int kFew = 1, class F>
void with_layout(const RowLayout& layout, const F& launch) {
  if (layout.rows == 0 || layout.columns == 0) return;
  if (layout.packs == 0) return launch.template operator()<kFew, 0>();
  if (!layout.wide) return launch.template operator()<kFew, kMostPacks>();
  if (layout.packs == 1) return launch.template operator()<kWide, 1>();
  if (layout.packs == 2) return launch.template operator()<kWide, 2>();
  if (layout.packs == 3) return launch.template operator()<kWide, 3>();
  launch.template operator()<kWide, kMostPacks>();
}

// The row of this thread, of a launch with a RowLayout's threads and blocks.
__device__ inline int64_t row_of_thread() { return blockIdx.x * int64_t{blockDim.y} + threadIdx.y; }

// A thread's part of a row: packs of N values, threadIdx.x + k · blockDim.x for k < P.
template <int N, int P>
class Row {
 public:
  // What was asked of memory. Who reads several rows asks for all of them before he makes a Row of one.
  class Fetched {
   public:
    // From element `start` on; a row of no columns is nobody's.
    __device__ Fetched(const Values& x, int64_t start, int64_t columns)
        : columns_(static_cast<int>(columns)), dtype_(x.dtype) {
#pragma unroll
      for (int k = 0; k < P; ++k)
        if (column(k) < columns_) bits_[k] = fetch<N>(x, start + column(k));
    }

   private:
    friend class Row;
    int columns_;
    DType dtype_;
    Bits<N> bits_[P];
  };

  __device__ Row(const Fetched& fetched) : columns_(fetched.columns_) {
#pragma unroll
    for (int k = 0; k < P; ++k) packs_[k] = widen(fetched.dtype_, fetched.bits_[k]);
  }

  // f(pack, column of its first value) for each.
  template <class F>
  __device__ void each(const F& f) const {
#pragma unroll
    for (int k = 0; k < P; ++k)
      if (column(k) < columns_) f(packs_[k], column(k));
  }

  // f(pack, pack of the other row, column).
  template <class F>
  __device__ void each(const Row& other, const F& f) const {
#pragma unroll
    for (int k = 0; k < P; ++k)
      if (column(k) < columns_) f(packs_[k], other.packs_[k], column(k));
  }

 private:
  __device__ static int column(int k) { return (threadIdx.x + k * blockDim.x) * N; }

  int columns_;
  Pack<N> packs_[P];
};

template <int N>
class Row<N, 0> {
 public:
  struct Fetched {
    __device__ Fetched(const Values& x, int64_t start, int64_t columns)
        : x(x), start(start), columns(columns) {}
    Values x;
    int64_t start, columns;
  };

  __device__ Row(const Fetched& fetched) : from_(fetched) {}

  template <class F>
  __device__ void each(const F& f) const {
    for (int64_t c = threadIdx.x * N; c < from_.columns; c += int64_t{blockDim.x} * N)
      f(load<N>(from_.x, from_.start + c), c);
  }

  template <class F>
  __device__ void each(const Row& other, const F& f) const {
    each([&](const Pack<N>& pack, int64_t c) { f(pack, load<N>(other.from_.x, other.from_.start + c), c); });
  }

 private:
  Fetched from_;
};

template <int N, int P>
using FetchedRow = typename Row<N, P>::Fetched;

}  // namespace zoetrope::cuda
