// ids (n), table (V, D) -> (n, D) float32.
#include "cpu/parallel.h"
#include "ops/embedding.h"
#include "ops/kernel.h"

namespace zoetrope {
namespace {

void run(const Launch& launch, const Attributes*) {
  const TensorView& table = launch.inputs[1];
  const int64_t rows = table.shape[0], width = table.shape[1];
  const size_t row_bytes = static_cast<size_t>(width) * size_of(table.dtype);
  parallel_ranges(launch.inputs[0].shape.elements(), std::max<int64_t>(1, 4096 / std::max<int64_t>(width, 1)),
                  [&](int64_t first, int64_t last) {
                    for (int64_t i = first; i < last; ++i) {
                      const auto row = static_cast<size_t>(
                          std::clamp<int64_t>(launch.inputs[0].as<const int32_t>()[i], 0, rows - 1));
                      widen_to_f32(table.dtype, table.as<const char>() + row * row_bytes,
                                   launch.outputs[0].as<float>() + i * width, static_cast<size_t>(width));
                    }
                  });
}

// Unlike other kernels of one function it takes the narrow types.
class EmbeddingKernel final : public Kernel {
 public:
  std::string_view name() const override { return "rows of a table"; }
  bool supports(const NodeView& node) const override {
    const DType table = node.inputs[1]->dtype;
    return table == DType::f32 || table == DType::bf16 || table == DType::f16;
  }
  std::unique_ptr<PreparedKernel> prepare(const NodeView&, const DeviceSpec&) const override {
    return std::make_unique<Prepared>();
  }

 private:
  class Prepared final : public PreparedKernel {
   public:
    void launch(const Launch& launch) override { run(launch, nullptr); }
  };
};

}  // namespace

std::span<const Kernel* const> embedding_cpu_kernels() {
  static const EmbeddingKernel kernel;
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
