#include "cuda/launch.h"
#include "cuda/relative_bias.h"
#include "cuda/values.cuh"

namespace zoetrope::cuda {
namespace {

__device__ int bucket_of(const Buckets& buckets, int64_t relative) {
  const int first = buckets.both && relative > 0 ? buckets.half : 0;
  const int64_t distance = buckets.both ? llabs(relative) : max(-relative, int64_t{0});
  if (distance < buckets.exact) return first + static_cast<int>(distance);
  int bucket = first + buckets.exact;
  for (int t = 0; t < buckets.count && buckets.thresholds[t] <= distance; ++t) ++bucket;
  return bucket;
}

struct Line {
  Values table;
  const int32_t* position;
  int64_t rows, width, heads;
  float* line;
};

__global__ void bias_line_kernel(__grid_constant__ const Buckets buckets, Line to) {
  const int64_t start = to.position ? *to.position : 0;
  for (int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x; i < to.heads * to.width;
       i += int64_t{gridDim.x} * blockDim.x) {
    const int64_t head = i / to.width, relative = i % to.width - (to.rows - 1) - start;
    to.line[i] = load<1>(to.table, bucket_of(buckets, relative) * to.heads + head).v[0];
  }
}

}  // namespace

void make_bias_line(cudaStream_t stream, const Buckets& buckets, const BiasLine& bias) {
  const Line to{values_of(bias.table),     bias.position, bias.rows,
                bias.rows + bias.keys - 1, bias.heads,    bias.line};
  bias_line_kernel<<<blocks_for(to.heads * to.width), kThreads, 0, stream>>>(buckets, to);
}

}  // namespace zoetrope::cuda
