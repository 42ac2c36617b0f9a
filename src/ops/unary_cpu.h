// The functions of `unary` on a row, for the kernels of ops that hold one.
#pragma once

#include <cstdint>

#include "ops/unary.h"

namespace zoetrope {

// y[i] = f(x[i]) for n elements on the caller's thread; y may be x.
void apply_unary(const UnaryAttributes& function, const float* x, float* y, int64_t n);
inline void apply_activation(UnaryKind kind, const float* x, float* y, int64_t n) {
  UnaryAttributes function;
  function.kind = kind;
  apply_unary(function, x, y, n);
}

}  // namespace zoetrope
