// Tensors on the host: a view of bytes with a type and a shape, and one that owns its bytes.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "base/shape.h"

namespace zoetrope {

// Row-major and dense. On a GPU `data` is a device address.
struct TensorView {
  void* data = nullptr;
  DType dtype = DType::f32;
  Shape shape;

  size_t bytes() const { return static_cast<size_t>(shape.elements()) * size_of(dtype); }
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

class HostTensor {
 public:
  HostTensor() = default;
  HostTensor(DType dtype, const Shape& shape)
      : dtype_(dtype), shape_(shape), bytes_(static_cast<size_t>(shape.elements()) * size_of(dtype)) {}
  static HostTensor from_f32(const Shape& shape, std::span<const float> values) {
    HostTensor out(DType::f32, shape);
    if (values.size() != static_cast<size_t>(shape.elements())) throw InternalError("from_f32: wrong length");
    std::memcpy(out.data(), values.data(), values.size_bytes());
    return out;
  }

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  void* data() { return bytes_.data(); }
  const void* data() const { return bytes_.data(); }
  size_t bytes() const { return bytes_.size(); }
  int64_t elements() const { return shape_.elements(); }
  TensorView view() { return {bytes_.data(), dtype_, shape_}; }
  // The elements; throws InternalError where the type is another.
  std::span<float> f32() { return {checked<float>(DType::f32), static_cast<size_t>(elements())}; }
  std::span<const float> f32() const {
    return {const_cast<HostTensor*>(this)->checked<float>(DType::f32), static_cast<size_t>(elements())};
  }
  std::span<int32_t> i32() { return {checked<int32_t>(DType::i32), static_cast<size_t>(elements())}; }
  std::span<int64_t> i64() { return {checked<int64_t>(DType::i64), static_cast<size_t>(elements())}; }
  // A float32 copy of any type.
  HostTensor to_f32() const {
    HostTensor out(DType::f32, shape_);
    widen_to_f32(dtype_, data(), out.f32().data(), static_cast<size_t>(elements()));
    return out;
  }
  // The same bytes under another shape of as many elements.
  HostTensor reshaped(const Shape& shape) const {
    if (shape.elements() != elements()) throw InternalError("reshaped: other number of elements");
    HostTensor out = *this;
    out.shape_ = shape;
    return out;
  }

 private:
  template <class T>
  T* checked(DType dtype) {
    if (dtype_ != dtype) throw InternalError("HostTensor holds " + std::string(name_of(dtype_)));
    return reinterpret_cast<T*>(bytes_.data());
  }

  DType dtype_ = DType::f32;
  Shape shape_;
  std::vector<std::byte> bytes_;
};

using TensorMap = std::map<std::string, HostTensor>;

}  // namespace zoetrope
