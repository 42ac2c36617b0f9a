// x (B, T, H, W, C), weight (O, C, kt, kh, kw) -> (B, T', H', W', O), channels last, by the first that can:
//
// One tap: a product over all pixels, through cuBLASLt.
//
// cuDNN, for results in a half type. The weight is packed as (O, kt, kh, kw, C) at each launch. Results that
// see the cache are made from a copy of its frames and the first new ones, joined; all others from x as it
// lies. What must be converted, doubled or padded to a multiple of 8 channels is, into the same copy, some
// frames at a time. Bias and residual are part of the library's graph where it has one for that.
//
// Else a product without the matrix (src/cuda/convolution.cu).
#include <algorithm>
#include <array>
#include <vector>

#include "base/checked.h"
#include "cuda/context.h"
#include "cuda/convert.h"
#include "cuda/convolution.h"
#include "cuda/dnn.h"
#include "cuda/error.h"
#include "cuda/parts.h"
#include "cuda/strided_copy.cuh"
#include "cuda/weight_product.h"
#include "ops/causal_conv3d.h"
#include "ops/cuda_function.h"

namespace zoetrope {
namespace {

using cuda::Values;
using cuda::WeightProduct;
using cuda::WeightShape;

struct Geometry {
  explicit Geometry(const NodeView& node)
      : o(node.attrs<Conv3dAttributes>().options),
        batch(node.in(0)[0]),
        frames(node.in(0)[1]),
        rows(node.in(0)[2]),
        columns(node.in(0)[3]),
        channels(node.in(0)[4]),
        kernel{node.in(1)[2], node.in(1)[3], node.in(1)[4]},
        out{node.out()[1], node.out()[2], node.out()[3]},
        out_channels(node.out()[4]) {}
  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t frame() const { return rows * columns * channels; }  // elements
  int64_t out_pixels() const { return out[1] * out[2]; }       // of a frame

  Conv3dOptions o;
  int64_t batch, frames, rows, columns, channels;
  std::array<int64_t, 3> kernel, out;
  int64_t out_channels;
};

// The last F frames of [cache; x] become the cache, a frame after the other since they may come from it.
void move_cache(const Launch& launch, const Geometry& g) {
  const cudaStream_t stream = cuda::stream_of(launch.stream);
  const Values x = cuda::values_of(launch.inputs[0]), cache = cuda::values_of(launch.inputs[3]);
  if (!cache.data) return;
  const int64_t past = g.o.cache_frames;
  cuda::Axes<2> frame;
  frame.add({g.frame(), {1, 1}});
  for (int64_t b = 0; b < g.batch; ++b)
    for (int64_t t = 0; t < past; ++t) {
      const int64_t seen = t + g.frames;  // of [cache; x]
      const Values from = seen < past ? cache.from((b * past + seen) * g.frame())
                                      : x.from((b * g.frames + seen - past) * g.frame());
      cuda::strided_copy(stream, from, cache.from((b * past + t) * g.frame()), frame);
    }
}

// One tap without strides, padding or a past.
class ProductKernel final : public Kernel {
 public:
  std::string_view name() const override { return "cublaslt"; }
  bool supports(const NodeView& node) const override {
    const Geometry g(node);
    const Conv3dOptions& o = g.o;
    return has_gpu_types(node) && g.taps() == 1 && o.cache_frames == 0 && o.upsample == 1 &&
           o.stride_t * o.stride_h * o.stride_w == 1 &&
           o.pad_h_before + o.pad_h_after + o.pad_w_before + o.pad_w_after == 0;
  }
  size_t workspace(const NodeView& node, const DeviceSpec& device) const override {
    return cuda::product_workspace(device) + WeightProduct::own_workspace(shape_of(node));
  }
  std::unique_ptr<PreparedKernel> prepare(const NodeView& node, const DeviceSpec& device) const override {
    return std::make_unique<Prepared>(shape_of(node), device);
  }

 private:
  static WeightShape shape_of(const NodeView& node) {
    const Geometry g(node);
    WeightShape shape{.rows = g.batch * g.out[0] * g.out_pixels(),
                      .n = g.out_channels,
                      .k = g.channels,
                      .x = node.inputs[0]->dtype,
                      .weight = node.inputs[1]->dtype,
                      .out = node.outputs[0]->dtype,
                      .bias = node.has(2),
                      .residual = node.has(4)};
    if (shape.residual) shape.residual_type = node.inputs[4]->dtype;
    shape.chunk = cuda::rows_of_chunk(shape);
    return shape;
  }

  class Prepared final : public PreparedKernel {
   public:
    Prepared(const WeightShape& shape, const DeviceSpec& device)
        : library_bytes_(cuda::product_workspace(device)), product_(shape, device) {}
    void launch(const Launch& launch) override {
      product_.run_all(cuda::stream_of(launch.stream),
                       {launch.inputs[1], launch.inputs[2], launch.workspace,
                        cuda::part(launch.workspace, library_bytes_)},
                       {launch.inputs[0], launch.inputs[4], launch.outputs[0]});
    }

   private:
    size_t library_bytes_;
    WeightProduct product_;
  };
};

// Frames of the result that are made at a time, and from what.
struct Piece {
  int64_t batch = 0;      // of x and of the cache
  int64_t out_first = 0;  // frames of the result
  int64_t out_count = 0;
  int64_t in_first = 0;  // frames of [cache; x]
  int64_t in_count = 0;
  bool copied = false;  // joined, converted, doubled or padded in the workspace; else frames of x
};

// How cuDNN is asked.
struct DnnLayout {
  explicit DnnLayout(const NodeView& node)
      : g(node),
        type(node.outputs[0]->dtype),
        channels(round_up(g.channels, 8)),
        out_channels(round_up(g.out_channels, 8)),
        has_past(node.has(3) && g.o.cache_frames > 0) {
    copies_all = g.channels != channels || g.o.upsample != 1 || node.inputs[0]->dtype != type;
    cut();
    may_fuse = out_channels == g.out_channels && (!node.has(4) || node.inputs[4]->dtype == type);
    int64_t copied_frames = 0, out_frames = 0;
    for (const Piece& piece : pieces) {
      if (piece.copied) copied_frames = std::max(copied_frames, piece.in_count);
      out_frames = std::max(out_frames, piece.out_count);
    }
    cuda::Parts parts;
    parts.take(cuda::kDnnWorkspace);
    weight = parts.take(static_cast<size_t>(out_channels * g.taps() * channels) * 2);
    copy = parts.take(static_cast<size_t>(copied_frames * in_frame()) * 2);
    const bool apart = out_channels != g.out_channels || node.has(4);
    raw = parts.take(apart ? static_cast<size_t>(out_frames * g.out_pixels() * out_channels) * 2 : 0);
    bias = parts.take(node.has(2) ? static_cast<size_t>(g.out_channels) * sizeof(float) : 0);
    bytes = parts.end;
  }
  int64_t in_frame() const { return g.rows * g.columns * g.o.upsample * g.o.upsample * channels; }
  // Pictures: every frame for itself.
  bool is_flat() const { return g.kernel[0] == 1 && g.o.stride_t == 1 && g.o.cache_frames == 0; }

  Geometry g;
  DType type;
  int64_t channels, out_channels;  // as cuDNN sees them
  bool has_past;                   // there is a cache; without one its frames are padding
  bool copies_all;
  bool may_fuse;
  std::vector<Piece> pieces;
  size_t weight, copy, raw, bias, bytes;

 private:
  static constexpr int64_t kCopyBytes = int64_t{256} << 20;

  void cut() {
    if (is_flat()) return cut_pictures();
    const int64_t past = g.o.cache_frames, step = g.o.stride_t;
    // Results [0, joined) see frames of the cache. Without one these are padding, unless nothing else is
    // seen.
    const bool sees_x = (g.out[0] - 1) * step + g.kernel[0] > past;
    int64_t joined = has_past ? std::min(ceil_div(past, step), g.out[0]) : 0;
    if (copies_all || !sees_x) joined = g.out[0];
    for (int64_t b = 0; b < g.batch; ++b) {
      if (joined > 0) pieces.push_back({b, 0, joined, 0, (joined - 1) * step + g.kernel[0], true});
      if (joined == g.out[0]) continue;
      const int64_t count = g.out[0] - joined, first = joined * step;
      pieces.push_back({b, joined, count, first, (count - 1) * step + g.kernel[0], false});
    }
  }
  void cut_pictures() {
    const int64_t all = g.batch * g.frames;
    const int64_t most = copies_all ? std::max<int64_t>(1, kCopyBytes / (in_frame() * 2)) : all;
    for (int64_t first = 0; first < all; first += most) {
      const int64_t count = std::min(most, all - first);
      pieces.push_back({0, first, count, first, count, copies_all});
    }
  }
};

// The weight as (taps, C, O) in float32, in the workspace.
size_t direct_bytes(const Geometry& g) {
  return static_cast<size_t>(g.taps() * g.channels * g.out_channels) * sizeof(float);
}

void launch_direct(const Launch& launch, const Geometry& g) {
  const cudaStream_t stream = cuda::stream_of(launch.stream);
  const int64_t taps = g.taps();
  cuda::Axes<2> axes;
  axes.add({taps, {1, g.channels * g.out_channels}});
  axes.add({g.channels, {taps, g.out_channels}});
  axes.add({g.out_channels, {g.channels * taps, 1}});
  cuda::strided_copy(stream, cuda::values_of(launch.inputs[1]), {launch.workspace, DType::f32}, axes);
  cuda::direct_convolution(stream, {.x = launch.inputs[0],
                                    .cache = launch.inputs[3],
                                    .bias = launch.inputs[2],
                                    .residual = launch.inputs[4],
                                    .y = launch.outputs[0],
                                    .weight = static_cast<const float*>(launch.workspace),
                                    .past = g.o.cache_frames,
                                    .doubled = g.o.upsample,
                                    .kernel = g.kernel,
                                    .stride = {g.o.stride_t, g.o.stride_h, g.o.stride_w},
                                    .before = {0, g.o.pad_h_before, g.o.pad_w_before}});
  move_cache(launch, g);
}

class DirectKernel final : public Kernel {
 public:
  std::string_view name() const override { return "implicit product"; }
  bool supports(const NodeView& node) const override { return has_gpu_types(node); }
  size_t workspace(const NodeView& node, const DeviceSpec&) const override {
    return direct_bytes(Geometry(node));
  }
  std::unique_ptr<PreparedKernel> prepare(const NodeView& node, const DeviceSpec&) const override {
    return std::make_unique<Prepared>(node);
  }

  class Prepared final : public PreparedKernel {
   public:
    explicit Prepared(const NodeView& node) : g_(node) {}
    void launch(const Launch& launch) override { launch_direct(launch, g_); }

   private:
    Geometry g_;
  };
};

class DnnKernel final : public Kernel {
 public:
  std::string_view name() const override { return "cudnn convolution"; }
  bool supports(const NodeView& node) const override {
    const DType out = node.outputs[0]->dtype;
    return has_gpu_types(node) && (out == DType::bf16 || out == DType::f16) && node.in(0).elements() > 0 &&
           node.out().elements() > 0;
  }
  size_t workspace(const NodeView& node, const DeviceSpec&) const override {
    const DnnLayout layout(node);
    return std::max(layout.bytes, direct_bytes(layout.g));
  }
  std::unique_ptr<PreparedKernel> prepare(const NodeView& node, const DeviceSpec&) const override {
    DnnLayout layout(node);
    for (const bool fused : {true, false}) {
      if (fused && !layout.may_fuse) continue;
      std::vector<std::shared_ptr<const cuda::DnnPlan>> plans;
      for (const Piece& piece : layout.pieces)
        plans.push_back(cuda::dnn_convolution(shape_of(layout, piece, node, fused)));
      if (std::find(plans.begin(), plans.end(), nullptr) == plans.end())
        return std::make_unique<Prepared>(std::move(layout), std::move(plans), fused);
    }
    return std::make_unique<DirectKernel::Prepared>(node);
  }

 private:
  static cuda::DnnConvolution shape_of(const DnnLayout& layout, const Piece& piece, const NodeView& node,
                                       bool fused) {
    const Geometry& g = layout.g;
    const Conv3dOptions& o = g.o;
    const bool flat = layout.is_flat();
    const int64_t zeros = piece.copied ? 0 : std::max<int64_t>(0, o.cache_frames - piece.in_first);
    return {.batch = flat ? piece.in_count : 1,
            .channels = layout.channels,
            .out_channels = layout.out_channels,
            .in = {flat ? 1 : piece.in_count - zeros, g.rows * o.upsample, g.columns * o.upsample},
            .out = {flat ? 1 : piece.out_count, g.out[1], g.out[2]},
            .kernel = g.kernel,
            .stride = {o.stride_t, o.stride_h, o.stride_w},
            .before = {zeros, o.pad_h_before, o.pad_w_before},
            .after = {0, o.pad_h_after, o.pad_w_after},
            .type = layout.type,
            .deep = !flat,
            .bias = fused && node.has(2),
            .residual = fused && node.has(4)};
  }

  class Prepared final : public PreparedKernel {
   public:
    Prepared(DnnLayout layout, std::vector<std::shared_ptr<const cuda::DnnPlan>> plans, bool fused)
        : layout_(std::move(layout)), plans_(std::move(plans)), fused_(fused) {}

    void launch(const Launch& launch) override {
      const Geometry& g = layout_.g;
      cuda::pack_weight(cuda::stream_of(launch.stream), launch.inputs[1],
                        {g.out_channels, g.channels, g.taps(), layout_.out_channels, layout_.channels},
                        layout_.type, cuda::part(launch.workspace, layout_.weight));
      if (const TensorView& bias = launch.inputs[2]; bias.data)
        cuda::convert(cuda::stream_of(launch.stream), bias.dtype, bias.data, DType::f32,
                      cuda::part(launch.workspace, layout_.bias), layout_.g.out_channels);
      for (size_t i = 0; i < plans_.size(); ++i) run(launch, layout_.pieces[i], *plans_[i]);
      move_cache(launch, g);
    }

   private:
    void run(const Launch& launch, const Piece& piece, const cuda::DnnPlan& plan) const {
      const Geometry& g = layout_.g;
      const Values x = cuda::values_of(launch.inputs[0]), y = cuda::values_of(launch.outputs[0]);
      const int64_t from = std::max<int64_t>(0, piece.in_first - g.o.cache_frames);
      void* input = x.from((piece.batch * g.frames + from) * g.frame()).data;
      if (piece.copied) input = copy_input(launch, piece);
      const int64_t pixels = piece.out_count * g.out_pixels();
      const int64_t first = (piece.batch * g.out[0] + piece.out_first) * g.out_pixels() * g.out_channels;
      void* const result = y.from(first).data;
      const TensorView &bias = launch.inputs[2], &residual = launch.inputs[4];
      const bool apart = layout_.out_channels != g.out_channels || residual.data != nullptr;
      void* const raw = fused_ || !apart ? result : cuda::part(launch.workspace, layout_.raw);

      void* operands[5] = {input, cuda::part(launch.workspace, layout_.weight)};
      size_t count = 2;
      if (fused_ && bias.data) operands[count++] = cuda::part(launch.workspace, layout_.bias);
      if (fused_ && residual.data) operands[count++] = cuda::advanced(residual, first);
      operands[count++] = raw;
      plan.run(cuda::stream_of(launch.stream), {operands, count}, launch.workspace);
      if (fused_ || (!apart && !bias.data)) return;
      cuda::end_convolution(cuda::stream_of(launch.stream), {.raw = {raw, layout_.type, {}},
                                                             .bias = bias,
                                                             .residual = cuda::advanced(residual, first),
                                                             .residual_type = residual.dtype,
                                                             .y = {result, layout_.type, {}},
                                                             .pixels = pixels,
                                                             .channels = g.out_channels,
                                                             .raw_channels = layout_.out_channels});
    }

    // The piece's frames of [cache; x], doubled, with zeros as further channels.
    void* copy_input(const Launch& launch, const Piece& piece) const {
      const Geometry& g = layout_.g;
      const cudaStream_t stream = cuda::stream_of(launch.stream);
      const Values to{cuda::part(launch.workspace, layout_.copy), layout_.type};
      const int64_t past = g.o.cache_frames,
                    of_past = std::clamp<int64_t>(past - piece.in_first, 0, piece.in_count);
      if (layout_.channels != g.channels || (of_past > 0 && !layout_.has_past))
        cuda::check(
            cudaMemsetAsync(to.data, 0, static_cast<size_t>(piece.in_count * layout_.in_frame()) * 2, stream),
            "cudaMemsetAsync");
      if (layout_.has_past)
        copy_frames(stream,
                    cuda::values_of(launch.inputs[3]).from((piece.batch * past + piece.in_first) * g.frame()),
                    to, of_past);
      const int64_t first = std::max<int64_t>(0, piece.in_first - past);
      copy_frames(stream,
                  cuda::values_of(launch.inputs[0]).from((piece.batch * g.frames + first) * g.frame()),
                  to.from(of_past * layout_.in_frame()), piece.in_count - of_past);
      return to.data;
    }

    void copy_frames(cudaStream_t stream, const Values& from, const Values& to, int64_t count) const {
      const Geometry& g = layout_.g;
      const int64_t factor = g.o.upsample, pixel = layout_.channels, row = g.columns * factor * pixel;
      cuda::Axes<2> axes;
      axes.add({count, {g.frame(), layout_.in_frame()}});
      axes.add({g.rows, {g.columns * g.channels, factor * row}});
      axes.add({factor, {0, row}});
      axes.add({g.columns, {g.channels, factor * pixel}});
      axes.add({factor, {0, pixel}});
      axes.add({g.channels, {1, 1}});
      if (count > 0) cuda::strided_copy(stream, from, to, axes);
    }

    DnnLayout layout_;
    std::vector<std::shared_ptr<const cuda::DnnPlan>> plans_;  // of the pieces
    bool fused_;                                               // bias and residual are in the plans
  };
};

}  // namespace

std::span<const Kernel* const> causal_conv3d_cuda_kernels() {
  static const ProductKernel product;
  static const DnnKernel dnn;
  static const DirectKernel direct;
  static const Kernel* const list[] = {&product, &dnn, &direct};
  return list;
}

}  // namespace zoetrope
