// x (M, K), weight (N, K), bias (N), residual (M, N) -> y (M, N), through OpenBLAS's sgemm.
// A float32 weight is one product. Another type is widened a block of rows at a time into the workspace and
// multiplied into its columns of y, so that the float32 copy of the whole weight never exists.
#include <cstring>

#include "cpu/gemm.h"
#include "cpu/parallel.h"
#include "ops/kernel.h"
#include "ops/linear.h"

namespace zoetrope {
namespace {

int64_t block_rows(const NodeView& node) {
  return std::min(node.in(1)[0], widen_block_rows(node.in(1)[0], node.in(1)[1]));
}

// y starts as bias + residual, onto which the product is added.
void start_rows(const Launch& launch, int64_t m, int64_t n) {
  const auto* bias = launch.inputs[2].as<const float>();
  const auto* residual = launch.inputs[3].as<const float>();
  auto* y = launch.outputs[0].as<float>();
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

class LinearKernel final : public Kernel {
 public:
  std::string_view name() const override { return "openblas sgemm"; }
  bool supports(const NodeView& node) const override {
    const DType weight = node.inputs[1]->dtype;
    return weight == DType::f32 || weight == DType::bf16 || weight == DType::f16;
  }
  size_t workspace(const NodeView& node, const DeviceSpec&) const override {
    if (node.inputs[1]->dtype == DType::f32) return 0;
    return static_cast<size_t>(block_rows(node) * node.in(1)[1]) * 4;
  }
  std::unique_ptr<PreparedKernel> prepare(const NodeView& node, const DeviceSpec&) const override {
    return std::make_unique<Prepared>(node);
  }

 private:
  class Prepared final : public PreparedKernel {
   public:
    explicit Prepared(const NodeView& node)
        : n_(node.in(1)[0]),
          k_(node.in(1)[1]),
          m_(node.in(0).elements() / std::max<int64_t>(k_, 1)),
          block_(block_rows(node)),
          scale_(node.attrs<LinearAttributes>().scale) {}

    void launch(const Launch& launch) override {
      start_rows(launch, m_, n_);
      const float beta = launch.inputs[2].data || launch.inputs[3].data ? 1.0f : 0.0f;
      const auto* x = launch.inputs[0].as<const float>();
      auto* y = launch.outputs[0].as<float>();
      const TensorView& weight = launch.inputs[1];
      if (weight.dtype == DType::f32)
        return gemm_nt({m_, n_, k_, k_, k_, n_}, scale_, x, weight.as<const float>(), beta, y);
      auto* wide = static_cast<float*>(launch.workspace);
      const size_t row_bytes = static_cast<size_t>(k_) * size_of(weight.dtype);
      for (int64_t row = 0; row < n_; row += block_) {
        const int64_t rows = std::min(block_, n_ - row);
        parallel_ranges(rows, std::max<int64_t>(1, 16384 / k_), [&](int64_t first, int64_t last) {
          widen_to_f32(weight.dtype, weight.as<const char>() + static_cast<size_t>(row + first) * row_bytes,
                       wide + first * k_, static_cast<size_t>((last - first) * k_));
        });
        gemm_nt({m_, rows, k_, k_, k_, n_}, scale_, x, wide, beta, y + row);
      }
    }

   private:
    int64_t n_, k_, m_, block_;
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
