// cuDNN's graphs for attention and convolutions. Its types stay in dnn.cpp, which alone includes
// cudnn-frontend (a minute of compiling).
#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <memory>
#include <span>

#include "base/dtype.h"

namespace zoetrope::cuda {

// What a plan of cuDNN may take beside its operands; the plan of a run always reserves it.
constexpr size_t kDnnWorkspace = size_t{64} << 20;

// A graph at fixed shapes, with an algorithm that needs no more than kDnnWorkspace.
class DnnPlan {
 public:
  virtual ~DnnPlan() = default;
  // Operands at multiples of 16 bytes, in the order that the function below that made the plan tells.
  virtual void run(cudaStream_t stream, std::span<void* const> operands, void* workspace) const = 0;
};

// y = softmax(scale · q kᵀ) v over (B, L, H, D) as it lies; `causal`: query i sees the keys j <= i.
struct DnnAttention {
  int64_t batch = 0, rows = 0, keys = 0, heads = 0, key_heads = 0, depth = 0, value_depth = 0;
  DType type = DType::bf16;  // bf16 or f16, of all operands
  float scale = 1.0f;
  bool causal = false;
};
// Operands: q, k, v, y. Equal shapes share a plan. Throws DeviceError where cuDNN has none.
std::shared_ptr<const DnnPlan> dnn_attention(const DnnAttention& shape);

// y = x * weight (+ bias) (+ residual), channels last: x (B, spatial, C), weight (O, kernel, C), bias (O) in
// float32, residual and y (B, spatial, O). The axes of space are (T, H, W); without `deep` T is 1 throughout
// and the convolution one of pictures.
struct DnnConvolution {
  int64_t batch = 0, channels = 0, out_channels = 0;
  std::array<int64_t, 3> in{}, out{}, kernel{}, stride{}, before{}, after{};
  DType type = DType::bf16;  // bf16 or f16, of all operands but the bias
  bool deep = true;
  bool bias = false, residual = false;
};
// Operands: x, weight, (bias,) (residual,) y. Equal shapes share a plan. Null where cuDNN has none.
std::shared_ptr<const DnnPlan> dnn_convolution(const DnnConvolution& shape);

// Gives back the library's handle and all plans that nobody holds.
void close_dnn();

}  // namespace zoetrope::cuda
