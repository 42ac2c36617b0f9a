// x (M, K), weight (N, K), bias (N), residual (M, N) -> y (M, N), through OpenBLAS's sgemm.
// A float32 weight is one product. Another type is widened a block of rows at a time into the workspace and
// multiplied into its columns of y, so that the float32 copy of the whole weight never exists.
#include "ops/linear_cpu.h"

#include <cstring>

#include "cpu/gemm.h"
#include "cpu/parallel.h"
#include "ops/kernel.h"
#include "ops/linear.h"

namespace zoetrope {

bool is_weight_type(DType dtype) {
  return dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f16;
}

size_t weight_workspace(const ValueType& weight) {
  if (weight.dtype == DType::f32) return 0;
  const int64_t rows = std::min(weight.shape[0], widen_block_rows(weight.shape[0], weight.shape[1]));
  return static_cast<size_t>(rows * weight.shape[1]) * sizeof(float);
}

void weight_product(const WeightProduct& product, const float* x, const TensorView& weight, float* y,
                    void* workspace) {
  const int64_t n = weight.shape[0], k = weight.shape[1];
  if (weight.dtype == DType::f32)
    return gemm_nt({product.m, n, k, k, k, n}, product.scale, x, weight.as<const float>(), product.beta, y);
  auto* wide = static_cast<float*>(workspace);
  const int64_t block = std::min(n, widen_block_rows(n, k));
  const size_t row_bytes = static_cast<size_t>(k) * size_of(weight.dtype);
  for (int64_t row = 0; row < n; row += block) {
    const int64_t rows = std::min(block, n - row);
    parallel_ranges(
        rows, std::max<int64_t>(1, 16384 / std::max<int64_t>(k, 1)), [&](int64_t first, int64_t last) {
          widen_to_f32(weight.dtype, weight.as<const char>() + static_cast<size_t>(row + first) * row_bytes,
                       wide + first * k, static_cast<size_t>((last - first) * k));
        });
    gemm_nt({product.m, rows, k, k, k, n}, product.scale, x, wide, product.beta, y + row);
  }
}

void start_rows(const float* bias, const float* residual, float* y, int64_t m, int64_t n) {
  if (!bias && (!residual || residual == y)) return;
  parallel_ranges(m, std::max<int64_t>(1, 16384 / std::max<int64_t>(n, 1)), [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      float* out = y + row * n;
      if (residual && residual != y) std::memcpy(out, residual + row * n, static_cast<size_t>(n) * 4);
      if (residual && bias)
        for (int64_t i = 0; i < n; ++i) out[i] += bias[i];
      else if (bias)
        std::memcpy(out, bias, static_cast<size_t>(n) * 4);
    }
  });
}

namespace {

class LinearKernel final : public Kernel {
 public:
  std::string_view name() const override { return "openblas sgemm"; }
  bool supports(const NodeView& node) const override { return is_weight_type(node.inputs[1]->dtype); }
  size_t workspace(const NodeView& node, const DeviceSpec&) const override {
    return weight_workspace(*node.inputs[1]);
  }
  std::unique_ptr<PreparedKernel> prepare(const NodeView& node, const DeviceSpec&) const override {
    return std::make_unique<Prepared>(node);
  }

 private:
  class Prepared final : public PreparedKernel {
   public:
    explicit Prepared(const NodeView& node)
        : n_(node.in(1)[0]),
          m_(node.in(0).elements(0, node.in(0).rank() - 1)),
          scale_(node.attrs<LinearAttributes>().scale) {}

    void launch(const Launch& launch) override {
      const auto *bias = launch.inputs[2].as<const float>(), *residual = launch.inputs[3].as<const float>();
      auto* y = launch.outputs[0].as<float>();
      start_rows(bias, residual, y, m_, n_);
      weight_product({m_, scale_, bias || residual ? 1.0f : 0.0f}, launch.inputs[0].as<const float>(),
                     launch.inputs[1], y, launch.workspace);
    }

   private:
    int64_t n_, m_;
    float scale_;
  };
};

}  // namespace

std::span<const Kernel* const> linear_cpu_kernels() {
  static const LinearKernel kernel;
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
