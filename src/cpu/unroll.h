// Loops of a fixed count that are written out when they are compiled. A kernel whose accumulators are an
// array needs that: where g++ 12 unrolls the loop itself it may do so too late to keep the array in
// registers.
#pragma once

#include <utility>

namespace zoetrope {

#define ZT_INLINE __attribute__((always_inline))

template <class F, int... I>
ZT_INLINE inline void unroll_over(const F& f, std::integer_sequence<int, I...>) {
  (f(std::integral_constant<int, I>{}), ...);
}

// f(0), f(1), ... f(N - 1); the argument is a constant.
template <int N, class F>
ZT_INLINE inline void unroll(const F& f) {
  unroll_over(f, std::make_integer_sequence<int, N>{});
}

}  // namespace zoetrope
