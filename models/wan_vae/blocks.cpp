#include "blocks.h"

#include <cmath>

#include "ops/attention.h"
#include "ops/binary.h"
#include "ops/causal_conv3d.h"
#include "ops/linear.h"
#include "ops/mean.h"
#include "ops/pad.h"
#include "ops/permute.h"
#include "ops/repeat.h"
#include "ops/reshape.h"
#include "ops/rms_norm.h"
#include "ops/slice.h"
#include "ops/upsample_nearest.h"
#include "ops/write_state.h"

namespace zoetrope::wan_vae {
namespace {

Tensor norm_silu(const Build& b, Tensor x, const Module& module) {
  return l2_norm(x, b.parameter(module, "gamma", {x.dim(-1)}), true);
}

// The frames [-count, 0) before the chunk, zeros at a clip's start.
Tensor frame_cache(const Build& b, Tensor x, const Module& module, int64_t count) {
  return b.g.state(module.name + ".frames", DType::f32, {x.dim(0), count, x.dim(2), x.dim(3), x.dim(4)});
}

Tensor attention_block(const Build& b, Tensor x, const Module& module) {
  const int64_t frames = x.dim(0) * x.dim(1), area = x.dim(2) * x.dim(3), channels = x.dim(4);
  Tensor y = l2_norm(x, b.parameter(module, "norm.gamma", {channels}));  // (B, T, H, W, C)
  y = reshape(y, {frames, area, channels});                              // (BT, HW, C)
  Tensor qkv = linear(y, b.parameter(module, "to_qkv.weight", {3 * channels, channels}),
                      b.parameter(module, "to_qkv.bias", {3 * channels}));
  auto part = [&](int64_t k) {
    return reshape(slice(qkv, -1, k * channels, channels), {frames, area, 1, channels});
  };
  y = attention(part(0), part(1), part(2),
                {.scale = 1.0f / std::sqrt(static_cast<float>(channels))});  // (BT, HW, 1, C)
  y = reshape(y, x.shape());
  return linear(y, b.parameter(module, "proj.weight", {channels, channels}),
                b.parameter(module, "proj.bias", {channels}), x);
}

}  // namespace

Tensor Build::parameter(const Module& module, const std::string& leaf, const Shape& shape) const {
  const std::string name = module.name + "." + leaf;
  if (names) names->emplace(name, module.diffusers + "." + leaf);
  return g.parameter(name, shape);
}

Tensor causal_conv(const Build& b, Tensor x, const Module& module, int64_t out_channels, int64_t kernel,
                   Tensor residual) {
  Scope scope(b.g, module.name);
  Tensor weight = b.parameter(module, "weight", {out_channels, x.dim(-1), kernel, kernel, kernel});
  Tensor bias = b.parameter(module, "bias", {out_channels});
  const int64_t pad = kernel / 2, past = kernel - 1;
  Conv3dOptions options{
      .pad_h_before = pad, .pad_h_after = pad, .pad_w_before = pad, .pad_w_after = pad, .cache_frames = past};
  return causal_conv3d(x, weight, bias, past > 0 ? frame_cache(b, x, module, past) : Tensor(), options,
                       residual);
}

Tensor residual_block(const Build& b, Tensor x, const Module& module, int64_t out_channels) {
  Tensor shortcut = x;
  if (x.dim(-1) != out_channels)
    shortcut = causal_conv(b, x, module.child("shortcut", "conv_shortcut"), out_channels, 1);
  Tensor y = norm_silu(b, x, module.child("residual.0", "norm1"));
  y = causal_conv(b, y, module.child("residual.2", "conv1"), out_channels, 3);
  y = norm_silu(b, y, module.child("residual.3", "norm2"));
  return causal_conv(b, y, module.child("residual.6", "conv2"), out_channels, 3, shortcut);
}

Tensor middle(const Build& b, Tensor x, const Module& parent) {
  const int64_t channels = x.dim(-1);
  x = residual_block(b, x, parent.child("middle.0", "mid_block.resnets.0"), channels);
  x = attention_block(b, x, parent.child("middle.1", "mid_block.attentions.0"));
  return residual_block(b, x, parent.child("middle.2", "mid_block.resnets.1"), channels);
}

Tensor head(const Build& b, Tensor x, const Module& norm, const Module& conv, int64_t out_channels) {
  return causal_conv(b, norm_silu(b, x, norm), conv, out_channels, 3);
}

Tensor downsample(const Build& b, Tensor x, const Module& module, bool time) {
  Scope scope(b.g, module.name);
  const int64_t channels = x.dim(-1);
  x = causal_conv3d(
      x, b.parameter(module, "resample.1.weight", {channels, channels, 1, 3, 3}),
      b.parameter(module, "resample.1.bias", {channels}), {},
      {.stride_h = 2, .stride_w = 2, .pad_h_after = 1, .pad_w_after = 1});  // (B, T, H/2, W/2, C)
  if (!time) return x;
  Tensor weight = b.parameter(module, "time_conv.weight", {channels, channels, 3, 1, 1});
  Tensor bias = b.parameter(module, "time_conv.bias", {channels});
  Tensor cache = frame_cache(b, x, module.child("time_conv"), 1);  // (B, 1, H/2, W/2, C)
  if (b.first) {  // a first frame stays as it is and is remembered
    write_state(cache, x, 1);
    return x;
  }
  return causal_conv3d(x, weight, bias, cache, {.stride_t = 2, .cache_frames = 1});  // (B, T/2, H/2, W/2, C)
}

Tensor upsample(const Build& b, Tensor x, const Module& module, bool time, int64_t out_channels) {
  Scope scope(b.g, module.name);
  const int64_t channels = x.dim(-1);
  if (time) {
    // The first chunk skips this convolution; its history starts with zeros at the second.
    Tensor weight = b.parameter(module, "time_conv.weight", {2 * channels, channels, 3, 1, 1});
    Tensor bias = b.parameter(module, "time_conv.bias", {2 * channels});
    Tensor cache = frame_cache(b, x, module.child("time_conv"), 2);  // (B, 2, H, W, C)
    if (!b.first) {
      const Shape s = x.shape();
      x = causal_conv3d(x, weight, bias, cache, {.cache_frames = 2});  // (B, T, H, W, 2 C)
      x = reshape(x, {s[0], s[1], s[2], s[3], 2, channels});           // earlier frame, later frame
      x = reshape(permute(x, {0, 1, 4, 2, 3, 5}), {s[0], 2 * s[1], s[2], s[3], channels});
    }
  }
  x = upsample_nearest(x, 2, 2);  // (B, T, 2 H, 2 W, C)
  return causal_conv3d(x, b.parameter(module, "resample.1.weight", {out_channels, channels, 1, 3, 3}),
                       b.parameter(module, "resample.1.bias", {out_channels}), {},
                       {.pad_h_before = 1, .pad_h_after = 1, .pad_w_before = 1, .pad_w_after = 1});
}

Tensor averaged_down(Tensor x, int64_t out_channels, int64_t ft, int64_t fs) {
  if (const int64_t missing = (ft - x.dim(1) % ft) % ft) x = pad(x, 1, missing, 0);
  const Shape s = x.shape();
  const int64_t folded = s[4] * ft * fs * fs;
  if (folded % out_channels)
    throw GraphError("a level's shortcut does not divide into its output channels", "wan_vae");
  if (s[2] % fs || s[3] % fs) throw GraphError("the picture does not divide by the downsampling", "wan_vae");
  x = reshape(x, {s[0], s[1] / ft, ft, s[2] / fs, fs, s[3] / fs, fs, s[4]});
  x = permute(x, {0, 1, 3, 5, 7, 2, 4, 6});  // (B, T', H', W', C, ft, fs, fs)
  x = reshape(x, {s[0], s[1] / ft, s[2] / fs, s[3] / fs, out_channels, folded / out_channels});
  return mean(x, -1);  // (B, T', H', W', out)
}

Tensor duplicated_up(Tensor x, int64_t out_channels, int64_t ft, int64_t fs, bool first) {
  const int64_t unfolded = out_channels * ft * fs * fs;
  if (unfolded % x.dim(-1))
    throw GraphError("a level's shortcut does not divide into its input channels", "wan_vae");
  const Shape s = x.shape();
  x = repeat(x, -1, unfolded / x.dim(-1));  // (B, T, H, W, out ft fs fs)
  x = reshape(x, {s[0], s[1], s[2], s[3], out_channels, ft, fs, fs});
  x = permute(x, {0, 1, 5, 2, 6, 3, 7, 4});  // (B, T, ft, H, fs, W, fs, out)
  x = reshape(x, {s[0], s[1] * ft, s[2] * fs, s[3] * fs, out_channels});
  return first && ft > 1 ? slice(x, 1, ft - 1, x.dim(1) - (ft - 1)) : x;
}

}  // namespace zoetrope::wan_vae
