// x (B, L, H, D), cos and sin (P, D/2) -> (B, L, H, D). A block turns one token: a thread holds the cosines
// and sines of its pairs and turns these pairs in all heads, four heads at a time, which are read before they
// are written: y may lie over x. Pairs that are neighbours come four in a pack, pairs of the two halves of a
// head eight in two packs; where a head has no whole packs, threads take single pairs.
#include "cuda/context.h"
#include "cuda/launch.h"
#include "cuda/values.cuh"
#include "ops/cuda_function.h"
#include "ops/rotary.h"

namespace zoetrope {
namespace {

using cuda::Bits;
using cuda::kWide;
using cuda::Pack;
using cuda::Values;

constexpr int kHeads = 4;  // at a time

struct Operands {
  Values x, cos, sin, y;
  const int32_t* positions;   // nullptr: a token's place
  int64_t tokens;             // of a batch
  int64_t positions_a_batch;  // 0: all batches have the same
  int64_t table_rows;
  int heads, width;
  bool neighbours;
};

// K pairs of a head, as read and as numbers.
template <int K>
struct Pairs {
  float first[K], second[K];
};

struct Neighbours {
  static constexpr int kPairs = 4;
  using Raw = Bits<kWide>;
  __device__ static Raw fetch(const Operands& o, int64_t head, int pair) {
    return cuda::fetch<kWide>(o.x, head + 2 * pair);
  }
  __device__ static Pairs<kPairs> widen(const Operands& o, const Raw& raw) {
    const Pack<kWide> pack = cuda::widen(o.x.dtype, raw);
    Pairs<kPairs> pairs;
#pragma unroll
    for (int k = 0; k < kPairs; ++k) pairs.first[k] = pack.v[2 * k], pairs.second[k] = pack.v[2 * k + 1];
    return pairs;
  }
  __device__ static void store(const Operands& o, int64_t head, int pair, const Pairs<kPairs>& pairs) {
    Pack<kWide> pack;
#pragma unroll
    for (int k = 0; k < kPairs; ++k) pack.v[2 * k] = pairs.first[k], pack.v[2 * k + 1] = pairs.second[k];
    cuda::store<kWide>(o.y, head + 2 * pair, pack);
  }
};

// N pairs, each of one element here and one further on: of the two halves where N is kWide.
template <int N>
struct Apart {
  static constexpr int kPairs = N;
  struct Raw {
    Bits<N> first, second;
  };
  __device__ static int64_t first(const Operands& o, int64_t head, int pair) {
    return head + (o.neighbours ? 2 * pair : pair);
  }
  __device__ static int distance(const Operands& o) { return o.neighbours ? 1 : o.width / 2; }
  __device__ static Raw fetch(const Operands& o, int64_t head, int pair) {
    const int64_t at = first(o, head, pair);
    return {cuda::fetch<N>(o.x, at), cuda::fetch<N>(o.x, at + distance(o))};
  }
  __device__ static Pairs<N> widen(const Operands& o, const Raw& raw) {
    const Pack<N> a = cuda::widen(o.x.dtype, raw.first), b = cuda::widen(o.x.dtype, raw.second);
    Pairs<N> pairs;
#pragma unroll
    for (int k = 0; k < N; ++k) pairs.first[k] = a.v[k], pairs.second[k] = b.v[k];
    return pairs;
  }
  __device__ static void store(const Operands& o, int64_t head, int pair, const Pairs<N>& pairs) {
    const int64_t at = first(o, head, pair);
    Pack<N> a, b;
#pragma unroll
    for (int k = 0; k < N; ++k) a.v[k] = pairs.first[k], b.v[k] = pairs.second[k];
    cuda::store<N>(o.y, at, a);
    cuda::store<N>(o.y, at + distance(o), b);
  }
};

// Where the row of cosines and sines of a token begins.
__device__ inline int64_t table_start(const Operands& o, int64_t token) {
  const int64_t batch = o.tokens == gridDim.x ? 0 : token / o.tokens;
  int64_t row = token - batch * o.tokens;
  if (o.positions) row = o.positions[batch * o.positions_a_batch + row];
  return min(max(row, int64_t{0}), o.table_rows - 1) * (o.width / 2);
}

template <class Form>
__global__ void __launch_bounds__(cuda::kThreads) rotary_kernel(Operands o) {
  constexpr int K = Form::kPairs;
  const int64_t token = blockIdx.x, table = table_start(o, token), start = token * o.heads * o.width;
  const int step = static_cast<int>(blockDim.y);
  for (int pair = threadIdx.x * K; pair < o.width / 2; pair += blockDim.x * K) {
    const Pack<K> cos = cuda::load<K>(o.cos, table + pair), sin = cuda::load<K>(o.sin, table + pair);
    for (int h = threadIdx.y; h < o.heads; h += kHeads * step) {
      typename Form::Raw raw[kHeads];
#pragma unroll
      for (int k = 0; k < kHeads; ++k)
        if (h + k * step < o.heads) raw[k] = Form::fetch(o, start + int64_t{h + k * step} * o.width, pair);
#pragma unroll
      for (int k = 0; k < kHeads; ++k) {
        if (h + k * step >= o.heads) continue;
        const Pairs<K> x = Form::widen(o, raw[k]);
        Pairs<K> y;
#pragma unroll
        for (int j = 0; j < K; ++j) {
          y.first[j] = x.first[j] * cos.v[j] - x.second[j] * sin.v[j];
          y.second[j] = x.second[j] * cos.v[j] + x.first[j] * sin.v[j];
        }
        Form::store(o, start + int64_t{h + k * step} * o.width, pair, y);
      }
    }
  }
}

template <class Form>
void run(const Operands& o, int64_t tokens, cudaStream_t stream) {
  const int units = o.width / 2 / Form::kPairs;
  const int across = std::min(units, 64),
            down = std::min((o.heads + kHeads - 1) / kHeads, cuda::kThreads / across);
  rotary_kernel<Form><<<static_cast<unsigned>(tokens),
                        dim3(static_cast<unsigned>(across), static_cast<unsigned>(down)), 0, stream>>>(o);
}

void launch_rotary(const Launch& launch, const Attributes* attributes) {
  const TensorView &x = launch.inputs[0], &positions = launch.inputs[3];
  if (x.shape.elements() == 0) return;
  const int64_t batches = x.shape[0], tokens = x.shape[1], width = x.shape[3];
  const Operands o{cuda::values_of(x),
                   cuda::values_of(launch.inputs[1]),
                   cuda::values_of(launch.inputs[2]),
                   cuda::values_of(launch.outputs[0]),
                   positions.as<const int32_t>(),
                   tokens,
                   positions.data && positions.shape[0] == batches ? tokens : 0,
                   launch.inputs[1].shape[0],
                   static_cast<int>(x.shape[2]),
                   static_cast<int>(width),
                   static_cast<const RotaryAttributes&>(*attributes).style == RotaryStyle::interleaved};
  const cudaStream_t stream = cuda::stream_of(launch.stream);
  const bool aligned = cuda::is_wide(kWide, {o.x, o.cos, o.sin, o.y});
  if (aligned && o.neighbours && width % kWide == 0)
    run<Neighbours>(o, batches * tokens, stream);
  else if (aligned && !o.neighbours && width % (2 * kWide) == 0)
    run<Apart<kWide>>(o, batches * tokens, stream);
  else
    run<Apart<1>>(o, batches * tokens, stream);
}

}  // namespace

std::span<const Kernel* const> rotary_cuda_kernels() {
  static const CudaFunction kernel("pairs in registers", launch_rotary);
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
