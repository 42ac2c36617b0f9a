// Walking over tensors whose axes lie differently in each of K operands: a thread finds its place from its
// number, with divisions that were made multiplications beforehand.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/shape.h"

namespace zoetrope::cuda {

// n / value for n < 2^31. (Granlund and Montgomery, 1994)
struct Divisor {
  Divisor() = default;
  explicit Divisor(uint32_t v) : value(v) {
    while ((uint64_t{1} << shift) < v) ++shift;
    factor = static_cast<uint32_t>(((uint64_t{1} << 32) * ((uint64_t{1} << shift) - v)) / v + 1);
  }
  __device__ uint32_t quotient(uint32_t n) const { return (__umulhi(n, factor) + n) >> shift; }
  uint32_t value = 1, factor = 1, shift = 0;
};

template <int K>
struct Axis {
  int64_t extent = 1;
  int64_t strides[K] = {};  // in elements of each operand
};

// Of one launch: fewer than 2^31 places.
template <int K>
struct AxesView {
  // Where place `index` lies in each operand.
  __device__ void find(uint32_t index, int64_t (&at)[K]) const {
    for (int k = 0; k < K; ++k) at[k] = start[k];
    for (int i = count - 1; i > 0; --i) {
      const uint32_t rest = extents[i].quotient(index), here = index - rest * extents[i].value;
#pragma unroll
      for (int k = 0; k < K; ++k) at[k] += here * strides[i][k];
      index = rest;
    }
#pragma unroll
    for (int k = 0; k < K; ++k) at[k] += index * strides[0][k];
  }

  uint32_t places = 0;
  int count = 0;
  Divisor extents[Shape::kMaxRank];
  int64_t strides[Shape::kMaxRank][K];
  int64_t start[K];
};

// The axes of a walk, outermost first. Axes that all operands walk over evenly are joined.
template <int K>
class Axes {
 public:
  void add(const Axis<K>& axis) {
    if (axis.extent == 1) return;
    if (count_ > 0) {
      Axis<K>& outer = axes_[static_cast<size_t>(count_ - 1)];
      bool even = true;
      for (int k = 0; k < K; ++k) even = even && outer.strides[k] == axis.extent * axis.strides[k];
      if (even) {
        outer.extent *= axis.extent;
        std::copy(axis.strides, axis.strides + K, outer.strides);
        return;
      }
    }
    axes_[static_cast<size_t>(count_++)] = axis;
  }

  int count() const { return count_; }
  const Axis<K>& operator[](int i) const { return axes_[static_cast<size_t>(i)]; }
  Axis<K> innermost() const { return count_ ? axes_[static_cast<size_t>(count_ - 1)] : Axis<K>{}; }

  Axis<K> remove(int i) {
    const Axis<K> axis = axes_[static_cast<size_t>(i)];
    std::copy(axes_.begin() + i + 1, axes_.begin() + count_, axes_.begin() + i);
    --count_;
    return axis;
  }

  // Whether `n` neighbours along the innermost axis are one place of every operand: next to each other, or
  // one and the same element.
  bool divides(int64_t n) const {
    if (count_ == 0 || innermost().extent % n != 0) return false;
    for (int k = 0; k < K; ++k) {
      if (innermost().strides[k] == 0) continue;
      if (innermost().strides[k] != 1) return false;
      for (int i = 0; i + 1 < count_; ++i)
        if ((*this)[i].strides[k] % n != 0) return false;
    }
    return true;
  }
  // Then a place is n of them from now on.
  void divide(int64_t n) {
    Axis<K>& axis = axes_[static_cast<size_t>(count_ - 1)];
    axis.extent /= n;
    for (int64_t& stride : axis.strides) stride *= n;
  }

  // launch(view) for each part of the walk, of which one is enough below 2^31 places.
  template <class F>
  void launch(const F& f) const {
    launch_from(f, {});
  }

 private:
  template <class F>
  void launch_from(const F& f, const std::array<int64_t, K>& start) const {
    int64_t places = 1;
    for (int i = 0; i < count_; ++i) places *= (*this)[i].extent;
    if (places == 0) return;
    if (places <= INT32_MAX) return f(view(places, start));
    Axes first = *this, second = *this;
    const int64_t half = axes_[0].extent / 2;
    first.axes_[0].extent = half;
    second.axes_[0].extent -= half;
    std::array<int64_t, K> middle = start;
    for (size_t k = 0; k < K; ++k) middle[k] += half * axes_[0].strides[k];
    for (const auto& [part, from] : {std::pair{&first, start}, std::pair{&second, middle}}) {
      if (part->axes_[0].extent == 1) part->remove(0);
      part->launch_from(f, from);
    }
  }

  AxesView<K> view(int64_t places, const std::array<int64_t, K>& start) const {
    AxesView<K> view;
    view.places = static_cast<uint32_t>(places);
    view.count = std::max(count_, 1);
    for (int i = 0; i < count_; ++i) {
      view.extents[i] = Divisor(static_cast<uint32_t>(axes_[static_cast<size_t>(i)].extent));
      std::copy_n(axes_[static_cast<size_t>(i)].strides, K, view.strides[i]);
    }
    if (count_ == 0) std::fill_n(view.strides[0], K, 0);
    std::copy_n(start.begin(), K, view.start);
    return view;
  }

  std::array<Axis<K>, Shape::kMaxRank> axes_{};
  int count_ = 0;
};

}  // namespace zoetrope::cuda
