#include "base/shape.h"

#include <algorithm>

#include "base/checked.h"

namespace zoetrope {

Shape::Shape(std::initializer_list<int64_t> extents) : Shape(std::span(extents.begin(), extents.size())) {}

Shape::Shape(std::span<const int64_t> extents) {
  if (extents.size() > kMaxRank)
    throw ShapeError("a tensor of rank " + std::to_string(extents.size()) +
                     "; at most 8 dimensions are supported");
  constexpr int64_t kMost = int64_t{1} << 48;
  int64_t product = 1;
  for (int64_t extent : extents) {
    if (extent < 0) throw ShapeError("a tensor with a negative dimension " + std::to_string(extent));
    const auto next = checked_mul(product, std::max<int64_t>(extent, 1));
    if (!next || *next > kMost) throw ShapeError("a tensor of more than 2^48 elements");
    product = *next;
    extents_[static_cast<size_t>(rank_++)] = extent;
  }
}

int64_t Shape::elements() const { return elements(0, rank_); }

int64_t Shape::elements(int first, int last) const {
  int64_t product = 1;
  for (int axis = first; axis < last; ++axis) product *= extents_[static_cast<size_t>(axis)];
  return product;
}

bool Shape::operator==(const Shape& other) const {
  return rank_ == other.rank_ && std::equal(begin(), end(), other.begin());
}

std::string Shape::text() const {
  std::string out = "(";
  for (int axis = 0; axis < rank_; ++axis) out += (axis ? ", " : "") + std::to_string((*this)[axis]);
  return out + ")";
}

}  // namespace zoetrope
