// x (outer, N, inner) -> (outer, inner), 64 sums in double precision at a time.
#include "cpu/parallel.h"
#include "ops/axis.h"
#include "ops/kernel.h"
#include "ops/mean.h"

namespace zoetrope {
namespace {

void run(const Launch& launch, const Attributes* attributes) {
  constexpr int64_t kBlock = 64;
  const AxisSplit split =
      split_at(launch.inputs[0].shape, static_cast<const MeanAttributes&>(*attributes).axis);
  const int64_t blocks = (split.inner + kBlock - 1) / kBlock;
  const int64_t grain = std::max<int64_t>(1, 16384 / (split.extent * std::min(split.inner, kBlock) + 1));
  parallel_ranges(split.outer * blocks, grain, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t outer = i / blocks, start = i % blocks * kBlock;
      const int64_t width = std::min(kBlock, split.inner - start);
      const float* x = launch.inputs[0].as<const float>() + outer * split.extent * split.inner + start;
      double sums[kBlock] = {};
      for (int64_t n = 0; n < split.extent; ++n)
        for (int64_t j = 0; j < width; ++j) sums[j] += x[n * split.inner + j];
      float* y = launch.outputs[0].as<float>() + outer * split.inner + start;
      for (int64_t j = 0; j < width; ++j)
        y[j] = static_cast<float>(sums[j] / static_cast<double>(split.extent));
    }
  });
}

}  // namespace

std::span<const Kernel* const> mean_cpu_kernels() {
  static const FunctionKernel kernel("sums in double", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
