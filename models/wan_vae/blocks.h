// The blocks of which encoder and decoder are built. All tensors are channels last: (B, T, H, W, C).
#pragma once

#include <map>
#include <string>

#include "graph/graph.h"

namespace zoetrope::wan_vae {

// A module under its two names: the original repository's, which is canonical, and diffusers'.
struct Module {
  std::string name;
  std::string diffusers;
  Module child(const std::string& original, const std::string& other) const {
    return {name + "." + original, diffusers + "." + other};
  }
  Module child(const std::string& both) const { return child(both, both); }
};

// What is being built: the graph, whether it is a clip's first chunk, and diffusers' name of every parameter
// met.
struct Build {
  Graph& g;
  bool first = true;
  std::map<std::string, std::string>* names = nullptr;

  Tensor parameter(const Module& module, const std::string& leaf, const Shape& shape) const;
};

// 3×3×3 (or 1×1×1) convolution, causal in time: the two frames before the chunk are remembered as state.
Tensor causal_conv(const Build& b, Tensor x, const Module& module, int64_t out_channels, int64_t kernel,
                   Tensor residual = {});

// RMS norm over channels, SiLU, convolution, twice, plus the input (through a 1×1×1 convolution where
// channels change). (B, T, H, W, C) -> (B, T, H, W, out)
Tensor residual_block(const Build& b, Tensor x, const Module& module, int64_t out_channels);

// Residual block, single-head attention within each frame, residual block.
Tensor middle(const Build& b, Tensor x, const Module& parent);

// RMS norm, SiLU, convolution.
Tensor head(const Build& b, Tensor x, const Module& norm, const Module& conv, int64_t out_channels);

// Halves rows and columns; with `time` also the frames of every chunk but the first.
Tensor downsample(const Build& b, Tensor x, const Module& module, bool time);

// Doubles rows and columns, with `time` also the frames of every chunk but the first. -> (..., out)
Tensor upsample(const Build& b, Tensor x, const Module& module, bool time, int64_t out_channels);

// 2.2's shortcuts around a level: group means of what is folded into channels, and its mirror image.
Tensor averaged_down(Tensor x, int64_t out_channels, int64_t factor_t, int64_t factor_s);
Tensor duplicated_up(Tensor x, int64_t out_channels, int64_t factor_t, int64_t factor_s, bool first);

}  // namespace zoetrope::wan_vae
