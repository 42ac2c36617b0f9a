// The product with a weight of any floating type, for the kernels of ops that hold one.
#pragma once

#include "base/tensor.h"
#include "graph/op.h"

namespace zoetrope {

// Whether weight_product() takes this type: f32, bf16, f16.
bool is_weight_type(DType dtype);

// Bytes in which a block of a weight (N, K) is widened to float32; 0 for a float32 weight.
size_t weight_workspace(const ValueType& weight);

// y (m, N) = scale · x (m, K) Wᵀ + beta · y, with weight_workspace() bytes at `workspace`.
struct WeightProduct {
  int64_t m;
  float scale, beta;
};
void weight_product(const WeightProduct& product, const float* x, const TensorView& weight, float* y,
                    void* workspace);

// y (m, n) becomes residual + bias, each where it is given; residual may be y itself.
void start_rows(const float* bias, const float* residual, float* y, int64_t m, int64_t n);

}  // namespace zoetrope
