// The extents of a tensor, outermost first (row-major). Rank 0 is a scalar with one element.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "base/error.h"

namespace zoetrope {

// Extents that no tensor can have. Who knows where they come from (a file, a config) catches it and says so.
struct ShapeError : InputError {
  using InputError::InputError;
};

class Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;
  Shape(std::initializer_list<int64_t> extents);
  // Throws ShapeError on rank > 8, a negative extent, or more than 2^48 elements.
  explicit Shape(std::span<const int64_t> extents);

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return extents_[static_cast<size_t>(axis < 0 ? axis + rank_ : axis)]; }
  int64_t& operator[](int axis) { return extents_[static_cast<size_t>(axis < 0 ? axis + rank_ : axis)]; }
  int64_t elements() const;
  // Product of the extents [first, last).
  int64_t elements(int first, int last) const;
  const int64_t* begin() const { return extents_.data(); }
  const int64_t* end() const { return extents_.data() + rank_; }
  bool operator==(const Shape& other) const;
  std::string text() const;  // "(2, 3, 5)"

 private:
  std::array<int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

}  // namespace zoetrope
