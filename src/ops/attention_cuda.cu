// q (B, Lq, Hq, D), k (B, Lk, Hkv, D), v (B, Lk, Hkv, Dv) -> (B, Lq, Hq, Dv), by the first that can:
//
// cuDNN's fused attention: half types, depths that are multiples of 8 up to 128, no mask and no bias. The
// long sequences of video models run here.
//
// Two products and a softmax between them: no causal mask. The scores of a chunk of rows lie in the
// workspace; a text encoder's relative bias and an autoencoder's one deep head are near the speed of products
// so.
//
// Blocks with an online softmax (src/cuda/online_attention.cu): everything else, above all caches, whose keys
// behind the position must not be read.
#include <algorithm>
#include <vector>

#include "base/checked.h"
#include "cuda/context.h"
#include "cuda/dnn.h"
#include "cuda/online_attention.h"
#include "cuda/parts.h"
#include "cuda/product.h"
#include "cuda/relative_bias.h"
#include "cuda/soften.h"
#include "ops/attention.h"
#include "ops/cuda_function.h"

namespace zoetrope {
namespace {

struct Sizes {
  explicit Sizes(const NodeView& node)
      : batch(node.in(0)[0]),
        rows(node.in(0)[1]),
        keys(node.in(1)[1]),
        heads(node.in(0)[2]),
        key_heads(node.in(1)[2]),
        depth(node.in(0)[3]),
        value_depth(node.in(2)[3]) {}
  bool any() const { return batch * rows * keys * heads * depth * value_depth != 0; }
  int64_t batch, rows, keys, heads, key_heads, depth, value_depth;
};

bool is_half(DType type) { return type == DType::bf16 || type == DType::f16; }

bool has_one_type(const NodeView& node) {
  return node.inputs[1]->dtype == node.inputs[0]->dtype && node.inputs[2]->dtype == node.inputs[0]->dtype;
}

// Of a node with a bias: how its buckets are told by distances.
cuda::Buckets buckets_of(const NodeView& node) {
  const auto& settings = node.attrs<AttentionAttributes>();
  const int64_t all = node.in(5)[0], side = settings.bias_bidirectional ? all / 2 : all;
  cuda::Buckets out;
  out.both = settings.bias_bidirectional;
  out.half = static_cast<int32_t>(side);
  out.exact = static_cast<int32_t>(side / 2);
  auto bucket = [&](int64_t distance) {
    return relative_position_bucket(-distance, settings.bias_bidirectional, all, settings.bias_max_distance);
  };
  for (int64_t wanted = out.exact + 1; wanted < side; ++wanted) {
    int64_t low = out.exact, high = settings.bias_max_distance;  // bucket(high) is the last one
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (bucket(middle) >= wanted)
        high = middle;
      else
        low = middle + 1;
    }
    out.thresholds[static_cast<size_t>(out.count++)] = static_cast<int32_t>(low);
  }
  return out;
}

bool has_few_buckets(const NodeView& node) { return !node.has(5) || node.in(5)[0] <= cuda::kMostBuckets; }

size_t line_bytes(const NodeView& node) {
  const Sizes s(node);
  return node.has(5) ? static_cast<size_t>(s.heads * (s.rows + s.keys - 1)) * sizeof(float) : 0;
}

// The line of a bias, made at each launch since the position may have moved.
class Bias {
 public:
  explicit Bias(const NodeView& node) : sizes_(node), present_(node.has(5)) {
    if (present_) buckets_ = buckets_of(node);
  }
  // Null where there is no bias.
  const float* make(const Launch& launch, void* line) const {
    if (!present_) return nullptr;
    auto* to = static_cast<float*>(line);
    cuda::make_bias_line(
        cuda::stream_of(launch.stream), buckets_,
        {launch.inputs[5], launch.inputs[3].as<const int32_t>(), sizes_.rows, sizes_.keys, sizes_.heads, to});
    return to;
  }

 private:
  Sizes sizes_;
  bool present_;
  cuda::Buckets buckets_;
};

class DnnKernel final : public Kernel {
 public:
  std::string_view name() const override { return "cudnn attention"; }
  bool supports(const NodeView& node) const override {
    const Sizes s(node);
    const bool plain_causal = !node.attrs<AttentionAttributes>().causal || !node.has(3);
    return has_one_type(node) && is_half(node.inputs[0]->dtype) &&
           node.outputs[0]->dtype == node.inputs[0]->dtype && !node.has(4) && !node.has(5) && plain_causal &&
           s.depth % 8 == 0 && s.value_depth % 8 == 0 && std::max(s.depth, s.value_depth) <= 128 && s.any();
  }
  size_t workspace(const NodeView&, const DeviceSpec&) const override { return cuda::kDnnWorkspace; }
  std::unique_ptr<PreparedKernel> prepare(const NodeView& node, const DeviceSpec&) const override {
    const Sizes s(node);
    const auto& settings = node.attrs<AttentionAttributes>();
    return std::make_unique<Prepared>(
        cuda::dnn_attention({s.batch, s.rows, s.keys, s.heads, s.key_heads, s.depth, s.value_depth,
                             node.inputs[0]->dtype, settings.scale, settings.causal}));
  }

 private:
  class Prepared final : public PreparedKernel {
   public:
    explicit Prepared(std::shared_ptr<const cuda::DnnPlan> plan) : plan_(std::move(plan)) {}
    void launch(const Launch& launch) override {
      void* const operands[] = {launch.inputs[0].data, launch.inputs[1].data, launch.inputs[2].data,
                                launch.outputs[0].data};
      plan_->run(cuda::stream_of(launch.stream), operands, launch.workspace);
    }

   private:
    std::shared_ptr<const cuda::DnnPlan> plan_;
  };
};

// How the two products are cut: `chunk` rows of `block` key heads at a time, so that their scores stay small.
struct ProductsPlan {
  static constexpr int64_t kScoreBytes = int64_t{128} << 20;
  static constexpr int64_t kRows = 1024;  // that keep a device busy

  ProductsPlan(const NodeView& node, const DeviceSpec& device)
      : s(node), type(node.inputs[0]->dtype), out(node.outputs[0]->dtype), group(s.heads / s.key_heads) {
    stride = round_up(s.keys, 8);  // rows of scores begin where vectors may
    const int64_t row_bytes = stride * static_cast<int64_t>(sizeof(float) + size_of(type));
    chunk = std::min(s.rows, kRows);
    block = std::clamp<int64_t>(kScoreBytes / (chunk * row_bytes), 1, s.key_heads);
    if (block == 1) chunk = std::min(s.rows, std::max<int64_t>(kScoreBytes / row_bytes / 128 * 128, 128));
    cuda::Parts parts;
    parts.take(cuda::product_workspace(device));
    line = parts.take(line_bytes(node));
    scores = parts.take(static_cast<size_t>(block * chunk * stride) * sizeof(float));
    weights = parts.take(static_cast<size_t>(block * chunk * stride) * size_of(type));
    bytes = parts.end;
  }
  Sizes s;
  DType type, out;
  int64_t group;  // query heads of a key head
  int64_t stride, chunk, block;
  size_t line, scores, weights, bytes;
};

class ProductsKernel final : public Kernel {
 public:
  std::string_view name() const override { return "cublaslt, softmax, cublaslt"; }
  bool supports(const NodeView& node) const override {
    const DType type = node.inputs[0]->dtype, out = node.outputs[0]->dtype;
    return has_one_type(node) && (out == type || out == DType::f32) && has_gpu_types(node) &&
           !node.attrs<AttentionAttributes>().causal && has_few_buckets(node) && Sizes(node).any();
  }
  size_t workspace(const NodeView& node, const DeviceSpec& device) const override {
    return ProductsPlan(node, device).bytes;
  }
  std::unique_ptr<PreparedKernel> prepare(const NodeView& node, const DeviceSpec& device) const override {
    return std::make_unique<Prepared>(node, device);
  }

 private:
  class Prepared final : public PreparedKernel {
   public:
    Prepared(const NodeView& node, const DeviceSpec& device) : plan_(node, device), bias_(node) {
      const Sizes& s = plan_.s;
      const float scale = node.attrs<AttentionAttributes>().scale;
      for (int64_t rows : {plan_.chunk, s.rows - (s.rows - 1) / plan_.chunk * plan_.chunk})
        for (int64_t heads : {plan_.block, s.key_heads - (s.key_heads - 1) / plan_.block * plan_.block}) {
          scores_.push_back(cuda::Product(scores_of(rows, heads, scale), device));
          sums_.push_back(cuda::Product(sums_of(rows, heads), device));
        }
    }

    void launch(const Launch& launch) override {
      const float* line = bias_.make(launch, cuda::part(launch.workspace, plan_.line));
      for (int64_t batch = 0; batch < plan_.s.batch; ++batch)
        for (int64_t row = 0; row < plan_.s.rows; row += plan_.chunk)
          for (int64_t head = 0; head < plan_.s.key_heads; head += plan_.block)
            for (int64_t member = 0; member < plan_.group; ++member)
              run(launch, {batch, row, head, member}, line);
    }

   private:
    // A chunk of rows from `row` on, in the members of this number of the groups from key head `head` on.
    struct Place {
      int64_t batch, row, head, member;
    };

    // S (heads, rows, keys) = scale · q kᵀ
    cuda::ProductShape scores_of(int64_t rows, int64_t heads, float scale) const {
      const Sizes& s = plan_.s;
      return {.m = rows,
              .n = s.keys,
              .k = s.depth,
              .in = plan_.type,
              .out = DType::f32,
              .scale = scale,
              .a_stride = s.heads * s.depth,
              .w_stride = s.key_heads * s.depth,
              .d_stride = plan_.stride,
              .batch = heads,
              .a_step = plan_.group * s.depth,
              .w_step = s.depth,
              .d_step = rows * plan_.stride};
    }
    // y (rows, heads, Dv) = P v
    cuda::ProductShape sums_of(int64_t rows, int64_t heads) const {
      const Sizes& s = plan_.s;
      return {.m = rows,
              .n = s.value_depth,
              .k = s.keys,
              .in = plan_.type,
              .out = plan_.out,
              .w_in_columns = true,
              .a_stride = plan_.stride,
              .w_stride = s.key_heads * s.value_depth,
              .d_stride = s.heads * s.value_depth,
              .batch = heads,
              .a_step = rows * plan_.stride,
              .w_step = s.value_depth,
              .d_step = plan_.group * s.value_depth};
    }

    void run(const Launch& launch, const Place& at, const float* line) const {
      const Sizes& s = plan_.s;
      const cudaStream_t stream = cuda::stream_of(launch.stream);
      const int64_t rows = std::min(plan_.chunk, s.rows - at.row);
      const int64_t heads = std::min(plan_.block, s.key_heads - at.head);
      const size_t which = (rows == plan_.chunk ? 0 : 2) + (heads == plan_.block ? 0 : 1);
      const int64_t query = (at.batch * s.rows + at.row) * s.heads + at.head * plan_.group + at.member;
      const int64_t key = at.batch * s.keys * s.key_heads + at.head;
      auto* scores = reinterpret_cast<float*>(cuda::part(launch.workspace, plan_.scores));
      char* weights = cuda::part(launch.workspace, plan_.weights);
      scores_[which].run(stream, {.a = element(launch.inputs[0], query * s.depth),
                                  .w = element(launch.inputs[1], key * s.depth),
                                  .d = scores,
                                  .workspace = launch.workspace});
      const int64_t width = s.rows + s.keys - 1, head = at.head * plan_.group + at.member;
      const auto* mask = launch.inputs[4].as<const int32_t>();
      cuda::soften(stream, {.scores = scores,
                            .weights = weights,
                            .type = plan_.type,
                            .heads = heads,
                            .rows = rows,
                            .keys = s.keys,
                            .stride = plan_.stride,
                            .mask = mask ? mask + at.batch * s.keys : nullptr,
                            .bias = line ? line + head * width + s.rows - 1 - at.row : nullptr,
                            .bias_step = plan_.group * width});
      sums_[which].run(stream, {.a = weights,
                                .w = element(launch.inputs[2], key * s.value_depth),
                                .d = element(launch.outputs[0], query * s.value_depth),
                                .workspace = launch.workspace});
    }

    static char* element(const TensorView& view, int64_t index) {
      return view.as<char>() + static_cast<size_t>(index) * size_of(view.dtype);
    }

    ProductsPlan plan_;
    Bias bias_;
    // Whole chunks of whole blocks, of the last block; the last chunk likewise.
    std::vector<cuda::Product> scores_, sums_;
  };
};

class OnlineKernel final : public Kernel {
 public:
  std::string_view name() const override { return "online softmax"; }
  bool supports(const NodeView& node) const override {
    return has_gpu_types(node) && has_few_buckets(node) && node.in(2)[3] <= cuda::kMostValueDepth;
  }
  size_t workspace(const NodeView& node, const DeviceSpec&) const override { return line_bytes(node); }
  std::unique_ptr<PreparedKernel> prepare(const NodeView& node, const DeviceSpec&) const override {
    return std::make_unique<Prepared>(node);
  }

 private:
  class Prepared final : public PreparedKernel {
   public:
    explicit Prepared(const NodeView& node) : settings_(node.attrs<AttentionAttributes>()), bias_(node) {}
    void launch(const Launch& launch) override {
      cuda::online_attention(cuda::stream_of(launch.stream),
                             {.q = launch.inputs[0],
                              .k = launch.inputs[1],
                              .v = launch.inputs[2],
                              .y = launch.outputs[0],
                              .scale = settings_.scale,
                              .causal = settings_.causal,
                              .position = launch.inputs[3].as<const int32_t>(),
                              .mask = launch.inputs[4].as<const int32_t>(),
                              .bias = bias_.make(launch, launch.workspace)});
    }

   private:
    AttentionAttributes settings_;
    Bias bias_;
  };
};

}  // namespace

std::span<const Kernel* const> attention_cuda_kernels() {
  static const DnnKernel dnn;
  static const ProductsKernel products;
  static const OnlineKernel online;
  static const Kernel* const list[] = {&dnn, &products, &online};
  return list;
}

}  // namespace zoetrope
