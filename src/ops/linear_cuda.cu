// x (M, K), weight (N, K), bias (N), residual (M, N) -> y (M, N), through cuBLASLt, bias and residual added
// in its epilogue.
#include "cuda/context.h"
#include "cuda/parts.h"
#include "cuda/weight_product.h"
#include "ops/cuda_function.h"
#include "ops/linear.h"

namespace zoetrope {
namespace {

using cuda::WeightProduct;
using cuda::WeightShape;

WeightShape shape_of(const NodeView& node) {
  WeightShape shape{.rows = node.in(0).elements(0, node.in(0).rank() - 1),
                    .n = node.in(1)[0],
                    .k = node.in(1)[1],
                    .x = node.inputs[0]->dtype,
                    .weight = node.inputs[1]->dtype,
                    .out = node.outputs[0]->dtype,
                    .scale = node.attrs<LinearAttributes>().scale,
                    .bias = node.has(2),
                    .residual = node.has(3)};
  if (shape.residual) shape.residual_type = node.inputs[3]->dtype;
  shape.chunk = cuda::rows_of_chunk(shape);
  return shape;
}

class LinearKernel final : public Kernel {
 public:
  std::string_view name() const override { return "cublaslt"; }
  bool supports(const NodeView& node) const override { return has_gpu_types(node); }
  size_t workspace(const NodeView& node, const DeviceSpec& device) const override {
    return cuda::product_workspace(device) + WeightProduct::own_workspace(shape_of(node));
  }
  std::unique_ptr<PreparedKernel> prepare(const NodeView& node, const DeviceSpec& device) const override {
    return std::make_unique<Prepared>(shape_of(node), device);
  }

 private:
  class Prepared final : public PreparedKernel {
   public:
    Prepared(const WeightShape& shape, const DeviceSpec& device)
        : library_bytes_(cuda::product_workspace(device)), product_(shape, device) {}

    void launch(const Launch& launch) override {
      product_.run_all(cuda::stream_of(launch.stream),
                       {launch.inputs[1], launch.inputs[2], launch.workspace,
                        cuda::part(launch.workspace, library_bytes_)},
                       {launch.inputs[0], launch.inputs[3], launch.outputs[0]});
    }

   private:
    size_t library_bytes_;
    WeightProduct product_;
  };
};

}  // namespace

std::span<const Kernel* const> linear_cuda_kernels() {
  static const LinearKernel kernel;
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
