// x (M, K), w1 (N, K), w2 (P, N) -> y (M, P), a chunk of rows at a time: hidden = act(x W1ᵀ + b1) lies in the
// workspace, y = hidden W2ᵀ + b2 + residual. Both products through cuBLASLt, with one algorithm for all
// chunks. In half types gelu_tanh is part of the first product; any other activation, and float32 (where the
// library's tanh is not told to be as exact as ours), is a pass of its own over the hidden rows.
#include <algorithm>

#include "cuda/context.h"
#include "cuda/launch.h"
#include "cuda/parts.h"
#include "cuda/values.cuh"
#include "cuda/weight_product.h"
#include "ops/activation.cuh"
#include "ops/cuda_function.h"
#include "ops/feed_forward.h"

namespace zoetrope {
namespace {

using cuda::Values;
using cuda::WeightProduct;
using cuda::WeightShape;

template <int N>
__global__ void activate_kernel(Values x, int64_t packs, UnaryKind kind) {
  for (int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x; i < packs;
       i += int64_t{gridDim.x} * blockDim.x) {
    cuda::Pack<N> pack = cuda::load<N>(x, i * N);
#pragma unroll
    for (int k = 0; k < N; ++k) pack.v[k] = cuda::activate(kind, pack.v[k]);
    cuda::store<N>(x, i * N, pack);
  }
}

void activate(cudaStream_t stream, UnaryKind kind, const Values& x, int64_t n) {
  if (cuda::is_wide(n, {x}))
    activate_kernel<cuda::kWide>
        <<<cuda::blocks_for(n / cuda::kWide), cuda::kThreads, 0, stream>>>(x, n / cuda::kWide, kind);
  else
    activate_kernel<1><<<cuda::blocks_for(n), cuda::kThreads, 0, stream>>>(x, n, kind);
}

// The two products, and where their parts of the workspace lie.
struct Plan {
  Plan(const NodeView& node, const DeviceSpec& device) : kind(node.attrs<FeedForwardAttributes>().kind) {
    const DType out = node.outputs[0]->dtype, x = node.inputs[0]->dtype;
    hidden_type = cuda::product_type(x, node.inputs[1]->dtype, out);
    is_fused = kind == UnaryKind::gelu_tanh && hidden_type != DType::f32;
    first = {.rows = node.in(0).elements(0, node.in(0).rank() - 1),
             .n = node.in(1)[0],
             .k = node.in(1)[1],
             .x = x,
             .weight = node.inputs[1]->dtype,
             .out = hidden_type,
             .bias = node.has(2),
             .gelu = is_fused};
    const int64_t asked = node.attrs<FeedForwardAttributes>().chunk_rows;
    first.chunk = asked == 0 ? first.rows : std::min(asked, first.rows);
    second = {.rows = first.rows,
              .chunk = first.chunk,
              .n = node.in(3)[0],
              .k = first.n,
              .x = hidden_type,
              .weight = node.inputs[3]->dtype,
              .out = out,
              .bias = node.has(4),
              .residual = node.has(5)};
    if (second.residual) second.residual_type = node.inputs[5]->dtype;
    cuda::Parts parts;
    parts.take(cuda::product_workspace(device));
    first_part = parts.take(WeightProduct::own_workspace(first));
    second_part = parts.take(WeightProduct::own_workspace(second));
    hidden_part = parts.take(static_cast<size_t>(first.chunk * first.n) * size_of(hidden_type));
    bytes = parts.end;
  }
  UnaryKind kind;
  DType hidden_type;
  bool is_fused;
  WeightShape first, second;
  size_t first_part, second_part, hidden_part, bytes;
};

class FeedForwardKernel final : public Kernel {
 public:
  std::string_view name() const override { return "cublaslt in chunks"; }
  bool supports(const NodeView& node) const override { return has_gpu_types(node); }
  size_t workspace(const NodeView& node, const DeviceSpec& device) const override {
    return Plan(node, device).bytes;
  }
  std::unique_ptr<PreparedKernel> prepare(const NodeView& node, const DeviceSpec& device) const override {
    return std::make_unique<Prepared>(node, device);
  }

 private:
  class Prepared final : public PreparedKernel {
   public:
    Prepared(const NodeView& node, const DeviceSpec& device)
        : plan_(node, device), first_(plan_.first, device), second_(plan_.second, device) {}

    void launch(const Launch& launch) override {
      const cudaStream_t stream = cuda::stream_of(launch.stream);
      const auto &x = launch.inputs[0], &residual = launch.inputs[5], &y = launch.outputs[0];
      const WeightProduct::Fixed first{launch.inputs[1], launch.inputs[2], launch.workspace,
                                       cuda::part(launch.workspace, plan_.first_part)};
      const WeightProduct::Fixed second{launch.inputs[3], launch.inputs[4], launch.workspace,
                                        cuda::part(launch.workspace, plan_.second_part)};
      char* hidden = cuda::part(launch.workspace, plan_.hidden_part);
      first_.begin(stream, first);
      second_.begin(stream, second);
      for (int64_t row = 0; row < plan_.first.rows; row += plan_.first.chunk) {
        const int64_t count = std::min(plan_.first.chunk, plan_.first.rows - row);
        first_.run(stream, first, {.count = count, .x = cuda::advanced(x, row * plan_.first.k), .y = hidden});
        if (!plan_.is_fused) activate(stream, plan_.kind, {hidden, plan_.hidden_type}, count * plan_.first.n);
        second_.run(stream, second,
                    {.count = count,
                     .x = hidden,
                     .residual = cuda::advanced(residual, row * plan_.second.n),
                     .y = cuda::advanced(y, row * plan_.second.n)});
      }
    }

   private:
    Plan plan_;
    WeightProduct first_, second_;
  };
};

}  // namespace

std::span<const Kernel* const> feed_forward_cuda_kernels() {
  static const FeedForwardKernel kernel;
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
