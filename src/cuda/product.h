// Matrix products through cuBLASLt.
#pragma once

#include <cublasLt.h>

#include <optional>
#include <string>

#include "base/dtype.h"
#include "device/device.h"

namespace zoetrope::cuda {

// d (m, n) = act(scale · a (m, k) wᵀ + bias) + residual, for each of `batch` such products. All matrices lie
// in rows; w is (n, k), or (k, n) where `w_in_columns`. Strides are in elements; 0: the rows are dense.
// Accumulation in float32; TF32 is not used.
struct ProductShape {
  int64_t m = 0, n = 0, k = 0;
  DType in = DType::f32;   // of a and w: f32, bf16 or f16
  DType out = DType::f32;  // of d, bias and residual: `in`, or f32
  float scale = 1.0f;
  bool w_in_columns = false;
  bool bias = false;      // (n)
  bool residual = false;  // in d's type and strides; may be d itself. Not with gelu
  bool gelu = false;      // the tanh form
  int64_t a_stride = 0, w_stride = 0, d_stride = 0;       // from row to row
  int64_t batch = 1, a_step = 0, w_step = 0, d_step = 0;  // from product to product

  // Rows for which the algorithm is chosen, where these are a part of more; 0: m. Parts of one product then
  // give the same bytes as the whole.
  int64_t rows_of_all = 0;

  std::string text() const;
};

struct ProductOperands {
  const void* a = nullptr;
  const void* w = nullptr;
  const void* bias = nullptr;  // aligned to 16 bytes
  const void* residual = nullptr;
  void* d = nullptr;
  void* workspace = nullptr;  // product_workspace() bytes
};

// What every product may take: a cap, which the plan always reserves.
size_t product_workspace(const DeviceSpec& device);

class Product {
 public:
  // Chooses the algorithm. Throws DeviceError where cuBLASLt has none.
  Product(const ProductShape& shape, const DeviceSpec& device);
  void run(cudaStream_t stream, const ProductOperands& operands) const;

 private:
  struct Descriptors {
    cublasLtMatmulDescOpaque_t product;
    cublasLtMatrixLayoutOpaque_t a, w, d;
  };
  Descriptors describe(int64_t rows) const;
  std::optional<cublasLtMatmulAlgo_t> choose(int64_t rows, uint32_t alignment) const;
  std::optional<cublasLtMatmulAlgo_t> ask(int64_t rows, uint32_t alignment) const;
  bool is_aligned(const ProductOperands& operands) const;

  ProductShape shape_;
  size_t workspace_bytes_;
  Descriptors descriptors_;
  std::optional<cublasLtMatmulAlgo_t> aligned_;    // all operands lie at multiples of 16 bytes
  std::optional<cublasLtMatmulAlgo_t> unaligned_;  // they lie anywhere
};

}  // namespace zoetrope::cuda
