// x (M, K), w1 (N, K), w2 (P, N) -> y (M, P), a chunk of rows at a time: hidden = act(x W1ᵀ + b1) lies in the
// workspace, y = hidden W2ᵀ + b2 + residual. Both products through OpenBLAS. In a run at a lower precision
// the hidden values are rounded where the two steps that this replaces would have rounded their results.
#include "base/checked.h"
#include "cpu/parallel.h"
#include "ops/feed_forward.h"
#include "ops/kernel.h"
#include "ops/linear_cpu.h"
#include "ops/unary_cpu.h"

namespace zoetrope {
namespace {

struct Sizes {
  explicit Sizes(const NodeView& node)
      : rows(node.in(0).elements(0, node.in(0).rank() - 1)),
        k(node.in(1)[1]),
        hidden(node.in(1)[0]),
        out(node.in(3)[0]),
        wide_bytes(round_up(static_cast<int64_t>(std::max(weight_workspace(*node.inputs[1]),
                                                          weight_workspace(*node.inputs[3]))),
                            64)) {
    const int64_t asked = node.attrs<FeedForwardAttributes>().chunk_rows;
    chunk = asked == 0 ? rows : std::min(asked, rows);
  }
  int64_t rows, k, hidden, out;
  int64_t wide_bytes;  // for widened weights, before the hidden rows
  int64_t chunk;
};

class FeedForwardKernel final : public Kernel {
 public:
  std::string_view name() const override { return "openblas sgemm in chunks"; }
  bool supports(const NodeView& node) const override {
    return is_weight_type(node.inputs[1]->dtype) && is_weight_type(node.inputs[3]->dtype);
  }
  size_t workspace(const NodeView& node, const DeviceSpec&) const override {
    const Sizes sizes(node);
    return static_cast<size_t>(sizes.wide_bytes) +
           static_cast<size_t>(sizes.chunk * sizes.hidden) * sizeof(float);
  }
  std::unique_ptr<PreparedKernel> prepare(const NodeView& node, const DeviceSpec&) const override {
    return std::make_unique<Prepared>(node);
  }

 private:
  class Prepared final : public PreparedKernel {
   public:
    explicit Prepared(const NodeView& node)
        : sizes_(node),
          kind_(node.attrs<FeedForwardAttributes>().kind),
          rounding_(node.attrs<FeedForwardAttributes>().hidden_rounding) {}

    void launch(const Launch& launch) override {
      for (int64_t row = 0; row < sizes_.rows; row += sizes_.chunk)
        run_chunk(launch, row, std::min(sizes_.chunk, sizes_.rows - row));
    }

   private:
    void run_chunk(const Launch& launch, int64_t row, int64_t rows) const {
      const auto *b1 = launch.inputs[2].as<const float>(), *b2 = launch.inputs[4].as<const float>();
      const auto* residual = launch.inputs[5].as<const float>();
      auto* hidden = reinterpret_cast<float*>(static_cast<char*>(launch.workspace) + sizes_.wide_bytes);
      start_rows(b1, nullptr, hidden, rows, sizes_.hidden);
      weight_product({rows, 1.0f, b1 ? 1.0f : 0.0f}, launch.inputs[0].as<const float>() + row * sizes_.k,
                     launch.inputs[1], hidden, launch.workspace);
      parallel_ranges(rows * sizes_.hidden, 4096, [&](int64_t first, int64_t last) {
        const auto count = static_cast<size_t>(last - first);
        round_to(rounding_, hidden + first, count);
        apply_activation(kind_, hidden + first, hidden + first, last - first);
        round_to(rounding_, hidden + first, count);
      });
      float* y = launch.outputs[0].as<float>() + row * sizes_.out;
      if (residual) residual += row * sizes_.out;
      start_rows(b2, residual, y, rows, sizes_.out);
      weight_product({rows, 1.0f, b2 || residual ? 1.0f : 0.0f}, hidden, launch.inputs[3], y,
                     launch.workspace);
    }

    Sizes sizes_;
    UnaryKind kind_;
    DType rounding_;
  };
};

}  // namespace

std::span<const Kernel* const> feed_forward_cpu_kernels() {
  static const FeedForwardKernel kernel;
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
