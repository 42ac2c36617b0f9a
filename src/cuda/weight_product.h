// The product with a weight of any floating type, in chunks of rows.
#pragma once

#include <vector>

#include "base/tensor.h"
#include "cuda/product.h"

namespace zoetrope::cuda {

// y = act(scale · x Wᵀ + bias) + residual with x (rows, k), W (n, k), y (rows, n), in which a run takes at
// most `chunk` rows.
struct WeightShape {
  int64_t rows = 0, chunk = 0, n = 0, k = 0;
  DType x = DType::f32, weight = DType::f32, residual_type = DType::f32, out = DType::f32;
  float scale = 1.0f;
  bool bias = false, residual = false, gelu = false;
};

// In what type x and the weight are multiplied. A result in a half type is made from operands in that type; a
// float32 result from operands as they are where they are of one type, else in float32.
inline DType product_type(DType x, DType weight, DType out) {
  if (out != DType::f32) return out;
  return x == weight ? x : DType::f32;
}

// Where x is converted: so many rows that the copy stays small. Else all of them.
int64_t rows_of_chunk(const WeightShape& shape);

// `count` values further on; an absent operand stays absent.
inline void* advanced(const TensorView& view, int64_t count) {
  return view.data ? view.as<char>() + static_cast<size_t>(count) * size_of(view.dtype) : nullptr;
}

// Operands of the product that are of another type are converted into the workspace: the bias and, where it
// is one block, the weight once a launch, rows of x and other blocks of the weight when they are used.
class WeightProduct {
 public:
  WeightProduct(const WeightShape& shape, const DeviceSpec& device);
  // Beside product_workspace().
  static size_t own_workspace(const WeightShape& shape);

  // What stays the same over the chunks of a launch.
  struct Fixed {
    TensorView weight, bias;
    void* library = nullptr;  // product_workspace() bytes
    void* own = nullptr;      // own_workspace() bytes
  };
  void begin(cudaStream_t stream, const Fixed& fixed) const;

  struct Rows {
    int64_t count = 0;  // of a chunk, or what is left
    const void* x = nullptr;
    const void* residual = nullptr;  // may be y
    void* y = nullptr;
  };
  void run(cudaStream_t stream, const Fixed& fixed, Rows rows) const;

  // All rows of a launch, a chunk at a time.
  struct Whole {
    TensorView x, residual, y;
  };
  void run_all(cudaStream_t stream, const Fixed& fixed, const Whole& whole) const;

 private:
  struct Plan;
  void run_block(cudaStream_t stream, const Fixed& fixed, const Rows& rows, int64_t first) const;

  WeightShape shape_;
  // Whole chunks with whole blocks of the weight, with the last block; the last chunk likewise.
  std::vector<Product> products_;
};

}  // namespace zoetrope::cuda
