// x (rows, W, C) -> (rows, factor_h, W, factor_w, C): a row is widened once, then copied factor_h - 1 times.
#include <cstring>

#include "cpu/parallel.h"
#include "ops/kernel.h"
#include "ops/upsample_nearest.h"

namespace zoetrope {
namespace {

void run(const Launch& launch, const Attributes* attributes) {
  const auto& settings = static_cast<const UpsampleNearestAttributes&>(*attributes);
  const Shape& shape = launch.inputs[0].shape;  // (B, T, H, W, C)
  const int64_t width = shape[3], bytes = shape[4] * static_cast<int64_t>(size_of(launch.inputs[0].dtype));
  const int64_t out_row = width * settings.factor_w * bytes;
  parallel_ranges(shape.elements(0, 3),
                  std::max<int64_t>(1, 65536 / std::max<int64_t>(out_row * settings.factor_h, 1)),
                  [&](int64_t first, int64_t last) {
                    for (int64_t row = first; row < last; ++row) {
                      const char* from = launch.inputs[0].as<const char>() + row * width * bytes;
                      char* const start = launch.outputs[0].as<char>() + row * settings.factor_h * out_row;
                      char* to = start;
                      for (int64_t x = 0; x < width; ++x, from += bytes)
                        for (int64_t k = 0; k < settings.factor_w; ++k, to += bytes)
                          std::memcpy(to, from, static_cast<size_t>(bytes));
                      for (int64_t k = 1; k < settings.factor_h; ++k, to += out_row)
                        std::memcpy(to, start, static_cast<size_t>(out_row));
                    }
                  });
}

}  // namespace

std::span<const Kernel* const> upsample_nearest_cpu_kernels() {
  static const FunctionKernel kernel("copy of pixels", run);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
