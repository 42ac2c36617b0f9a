// t (n) -> (n, dim). Every step is rounded to float32 as the reference does it: at t near 1000 the rounding
// of the angle can be seen in the result.
#include <cmath>

#include "cpu/parallel.h"
#include "ops/kernel.h"
#include "ops/timestep_embedding.h"

namespace zoetrope {
namespace {

void run(const Launch& launch, const Attributes* attributes) {
  const auto& settings = static_cast<const TimestepEmbeddingAttributes&>(*attributes);
  const TimestepEmbeddingOptions& options = settings.options;
  const int64_t half = settings.dim / 2, count = launch.inputs[0].shape.elements();
  const auto log_period = static_cast<float>(-std::log(static_cast<double>(options.max_period)));
  const float divisor = static_cast<float>(half) - options.downscale_freq_shift;
  parallel_ranges(count, 16, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const float t = launch.inputs[0].as<const float>()[row];
      float* out = launch.outputs[0].as<float>() + row * settings.dim;
      float* sines = out + (options.flip_sin_to_cos ? half : 0);
      float* cosines = out + (options.flip_sin_to_cos ? 0 : half);
      for (int64_t i = 0; i < half; ++i) {
        const float frequency = std::exp(log_period * static_cast<float>(i) / divisor);
        const float angle = options.scale * (t * frequency);
        sines[i] = std::sin(angle);
        cosines[i] = std::cos(angle);
      }
      if (settings.dim % 2) out[settings.dim - 1] = 0.0f;
    }
  });
}

}  // namespace

std::span<const Kernel* const> timestep_embedding_cpu_kernels() {
  static const FunctionKernel kernel("sinusoids", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
