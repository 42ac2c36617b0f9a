// Convolutions of our own, for what cuDNN does not take, and what comes after one of cuDNN's.
#pragma once

#include <cuda_runtime_api.h>

#include <array>

#include "base/tensor.h"

namespace zoetrope::cuda {

// y (B, T', H', W', O) = [cache; x] * weight (+ bias) (+ residual), channels last; axes of space are (T, H,
// W). x (B, T, H, W, C), cache (B, F, H, W, C) or absent (zeros), bias (O) and residual like y or absent.
struct DirectConvolution {
  TensorView x, cache, bias, residual, y;
  const float* weight = nullptr;  // (kernel, C, O)
  int64_t past = 0;               // F
  int64_t doubled = 1;            // 2: pixels are repeated in rows and columns first
  std::array<int64_t, 3> kernel{}, stride{}, before{};
};
void direct_convolution(cudaStream_t stream, const DirectConvolution& convolution);

// A weight (O, C, taps) to (padded O, taps, padded C), zeros where it has nothing.
struct PackedWeight {
  int64_t outs = 0, channels = 0, taps = 0, padded_outs = 0, padded_channels = 0;
};
void pack_weight(cudaStream_t stream, const TensorView& weight, const PackedWeight& packed, DType type,
                 void* to);

// y (pixels, O) = raw (pixels, raw_channels >= O) (+ bias) (+ residual), y a dense result; raw may be y.
struct ConvolutionEnd {
  TensorView raw, bias;
  const void* residual = nullptr;
  DType residual_type = DType::f32;
  TensorView y;
  int64_t pixels = 0, channels = 0, raw_channels = 0;
};
void end_convolution(cudaStream_t stream, const ConvolutionEnd& end);

}  // namespace zoetrope::cuda
