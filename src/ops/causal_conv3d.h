// Convolution over time, rows and columns, channels last, causal in time: what lies before the clip are the
// frames of a cache (or zeros), never frames to come. Also the convolution of single pictures (kt = 1).
#pragma once

#include "graph/graph.h"

namespace zoetrope {

struct Conv3dOptions {
  int64_t stride_t = 1, stride_h = 1, stride_w = 1;
  int64_t pad_h_before = 0, pad_h_after = 0, pad_w_before = 0, pad_w_after = 0;  // zeros around each frame
  int64_t cache_frames = 0;  // F: frames that stand before x in time
  // 2: rows and columns of every frame are doubled first (each pixel repeated in a square of four), which
  // never exists as a tensor. Only with a 3 x 3 kernel, stride 1 and padding 1 on all sides in space.
  int64_t upsample = 1;
};

struct Conv3dAttributes final : Attributes {
  Conv3dOptions options;
  std::string text() const override;
};

const Op& causal_conv3d_op();

// Whether `upsample` may be 2 for a weight of this shape (and nothing is doubled yet).
bool can_double(const Conv3dOptions& options, const Shape& weight);

// x (B, T, H, W, C), weight (O, C, kt, kh, kw) as PyTorch has it, bias (O) or absent, cache: state
// (B, F, H, W, C) or absent (then the F frames are zeros), residual: added to the result, of its shape, or
// absent
//   -> (B, (F + T - kt) / stride_t + 1, H', W', O).
// Afterwards the cache holds the last F frames of [cache; x]. The weight may be held in f32, bf16 or f16.
Tensor causal_conv3d(Tensor x, Tensor weight, Tensor bias, Tensor cache, const Conv3dOptions& options,
                     Tensor residual = {});

}  // namespace zoetrope
