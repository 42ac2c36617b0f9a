// Integer arithmetic that can't wrap: for sizes that come from files.
#pragma once

#include <cstdint>
#include <optional>

namespace zoetrope {

inline std::optional<int64_t> checked_mul(int64_t a, int64_t b) {
  int64_t out;
  return __builtin_mul_overflow(a, b, &out) ? std::nullopt : std::optional<int64_t>(out);
}
inline std::optional<int64_t> checked_add(int64_t a, int64_t b) {
  int64_t out;
  return __builtin_add_overflow(a, b, &out) ? std::nullopt : std::optional<int64_t>(out);
}
inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t round_up(int64_t a, int64_t multiple) { return ceil_div(a, multiple) * multiple; }

}  // namespace zoetrope
