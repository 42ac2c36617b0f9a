// t (n) -> (n, dim). Every step is rounded to float32 as the reference does it, but made in double precision:
// at t near 1000 an ulp of the frequency can be seen in the result, and sines of so large an angle are one
// product and a polynomial there.
#include <cmath>

#include "cuda/context.h"
#include "cuda/tiles.cuh"
#include "cuda/values.cuh"
#include "ops/cuda_function.h"
#include "ops/timestep_embedding.h"

namespace zoetrope {
namespace {

using cuda::Values;

struct Waves {
  int64_t dim, half;
  float log_period, divisor, scale;
  bool cosines_first;
};

__global__ void timestep_embedding_kernel(const float* t, int64_t count, Values y, Waves waves) {
  const int64_t row = cuda::tile_row();
  if (row >= count) return;
  for (int64_t i = cuda::first_pack(); i < waves.half; i += cuda::pack_stride()) {
    const float exponent = waves.log_period * static_cast<float>(i) / waves.divisor;
    const auto frequency = static_cast<float>(exp(static_cast<double>(exponent)));
    const float angle = waves.scale * (t[row] * frequency);
    const int64_t start = row * waves.dim;
    double sine, cosine;
    sincospi(angle * 0.31830988618379067, &sine, &cosine);
    cuda::store<1>(y, start + (waves.cosines_first ? waves.half + i : i), {static_cast<float>(sine)});
    cuda::store<1>(y, start + (waves.cosines_first ? i : waves.half + i), {static_cast<float>(cosine)});
    if (i == 0 && waves.dim % 2) cuda::store<1>(y, start + waves.dim - 1, {0.0f});
  }
}

void launch_timestep_embedding(const Launch& launch, const Attributes* attributes) {
  const auto& settings = static_cast<const TimestepEmbeddingAttributes&>(*attributes);
  const TimestepEmbeddingOptions& options = settings.options;
  const int64_t count = launch.inputs[0].shape.elements(), half = settings.dim / 2;
  if (count == 0) return;
  const Waves waves{settings.dim,
                    half,
                    static_cast<float>(-std::log(static_cast<double>(options.max_period))),
                    static_cast<float>(half) - options.downscale_freq_shift,
                    options.scale,
                    options.flip_sin_to_cos};
  const cuda::Tiles tiles = cuda::tiles_for(count, half);
  timestep_embedding_kernel<<<tiles.blocks, tiles.threads, 0, cuda::stream_of(launch.stream)>>>(
      launch.inputs[0].as<const float>(), count, cuda::values_of(launch.outputs[0]), waves);
}

}  // namespace

std::span<const Kernel* const> timestep_embedding_cuda_kernels() {
  static const CudaFunction kernel("sinusoids", launch_timestep_embedding);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
