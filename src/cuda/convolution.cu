// A product without the matrix: rows are output pixels, columns output channels, and the sum runs over taps
// and input channels. A block makes 64 pixels by 64 channels; for each tap, 16 input channels at a time come
// into shared memory (zeros where the tap lies outside), and each of 256 threads adds to 4 x 4 sums in
// registers. Float32 arithmetic throughout, in one order.
#include "cuda/convolution.h"
#include "cuda/launch.h"
#include "cuda/values.cuh"

namespace zoetrope::cuda {
namespace {

constexpr int kPixels = 64;    // of a block
constexpr int kOuts = 64;      // output channels of a block
constexpr int kChannels = 16;  // input channels of a step

struct Geometry {
  int64_t frames, past;                               // of x, of the cache
  int64_t rows, columns;                              // of x and of the cache
  int64_t channels, outs;                             // input and output channels
  int64_t out_frames, out_rows, out_columns, pixels;  // pixels: of all of y
  int kernel[3], stride[3], before[3];
  int doubled;
};

struct Operands {
  Values x, cache, bias, residual, y;
  const float* weight;
};

// A pixel of the result.
struct Pixel {
  int64_t batch, frame, row, column;
};

__device__ inline Pixel pixel_of(const Geometry& g, int64_t index) {
  Pixel p;
  p.column = index % g.out_columns, index /= g.out_columns;
  p.row = index % g.out_rows, index /= g.out_rows;
  p.frame = index % g.out_frames, p.batch = index / g.out_frames;
  return p;
}

// The input pixel under a tap: where its channels begin in x or in the cache, or nowhere.
struct Source {
  bool inside = false, in_cache = false;
  int64_t at = 0;
};

__device__ inline Source source_of(const Geometry& g, const Pixel& p, int tap, bool has_cache) {
  const int x = tap % g.kernel[2], y = tap / g.kernel[2] % g.kernel[1], t = tap / (g.kernel[2] * g.kernel[1]);
  const int64_t frame = p.frame * g.stride[0] + t;  // of [cache; x]
  const int64_t row = p.row * g.stride[1] + y - g.before[1],
                column = p.column * g.stride[2] + x - g.before[2];
  Source source;
  source.in_cache = frame < g.past;
  source.inside = row >= 0 && row < g.rows * g.doubled && column >= 0 && column < g.columns * g.doubled &&
                  (!source.in_cache || has_cache);
  const int64_t plane = source.in_cache ? p.batch * g.past + frame : p.batch * g.frames + frame - g.past;
  source.at = ((plane * g.rows + row / g.doubled) * g.columns + column / g.doubled) * g.channels;
  return source;
}

__global__ __launch_bounds__(256) void direct_kernel(__grid_constant__ const Geometry g, Operands o) {
  __shared__ __align__(16) float pixels[kChannels][kPixels + 4];
  __shared__ __align__(16) float weights[kChannels][kOuts];
  const int64_t first = blockIdx.x * int64_t{kPixels}, first_out = blockIdx.y * int64_t{kOuts};
  // What this thread brings: four channels of one pixel, four outputs of one channel.
  const int my_pixel = threadIdx.x / 4, my_channel = threadIdx.x % 4 * 4;
  const int weight_channel = threadIdx.x / 16, weight_out = threadIdx.x % 16 * 4;
  const bool exists = first + my_pixel < g.pixels;
  const Pixel pixel = pixel_of(g, first + my_pixel);
  // What it sums: four pixels by four outputs.
  const int sum_pixel = threadIdx.x / 16 * 4, sum_out = threadIdx.x % 16 * 4;
  float sum[4][4] = {};
  const int taps = g.kernel[0] * g.kernel[1] * g.kernel[2];
#pragma unroll 1
  for (int tap = 0; tap < taps; ++tap) {
    const Source source = source_of(g, pixel, tap, o.cache.data != nullptr);
#pragma unroll 1
    for (int64_t c = 0; c < g.channels; c += kChannels) {
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        const int64_t channel = c + my_channel + k;
        const bool there = exists && source.inside && channel < g.channels;
        pixels[my_channel + k][my_pixel] =
            there ? load<1>(source.in_cache ? o.cache : o.x, source.at + channel).v[0] : 0.0f;
        const int64_t from = c + weight_channel, out = first_out + weight_out + k;
        weights[weight_channel][weight_out + k] =
            from < g.channels && out < g.outs ? o.weight[(tap * g.channels + from) * g.outs + out] : 0.0f;
      }
      __syncthreads();
#pragma unroll
      for (int k = 0; k < kChannels; ++k) {
        const float4 a = *reinterpret_cast<const float4*>(&pixels[k][sum_pixel]);
        const float4 b = *reinterpret_cast<const float4*>(&weights[k][sum_out]);
        const float left[4] = {a.x, a.y, a.z, a.w}, right[4] = {b.x, b.y, b.z, b.w};
#pragma unroll
        for (int i = 0; i < 4; ++i)
#pragma unroll
          for (int j = 0; j < 4; ++j) sum[i][j] = fmaf(left[i], right[j], sum[i][j]);
      }
      __syncthreads();
    }
  }
#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int64_t place = first + sum_pixel + i, out = first_out + sum_out + j;
      if (place >= g.pixels || out >= g.outs) continue;
      float value = sum[i][j];
      if (o.bias.data) value += load<1>(o.bias, out).v[0];
      if (o.residual.data) value += load<1>(o.residual, place * g.outs + out).v[0];
      store<1>(o.y, place * g.outs + out, {value});
    }
}

constexpr int kTile = 32, kTileRows = 8;

// Tiles of 32 channels by 32 taps go through shared memory, so that both sides see neighbours.
__global__ __launch_bounds__(kTile* kTileRows) void pack_kernel(Values from, PackedWeight w, Values to) {
  __shared__ float tile[kTile][kTile + 1];  // (channel, tap)
  const int64_t first_channel = int64_t{blockIdx.x} * kTile;
  for (int64_t out = blockIdx.y; out < w.padded_outs; out += gridDim.y)
    for (int64_t first_tap = 0; first_tap < w.taps; first_tap += kTile) {
      for (int r = threadIdx.y; r < kTile; r += kTileRows) {
        const int64_t channel = first_channel + r, tap = first_tap + threadIdx.x;
        const bool there = out < w.outs && channel < w.channels && tap < w.taps;
        tile[r][threadIdx.x] = there ? load<1>(from, (out * w.channels + channel) * w.taps + tap).v[0] : 0.0f;
      }
      __syncthreads();
      for (int r = threadIdx.y; r < kTile; r += kTileRows) {
        const int64_t channel = first_channel + threadIdx.x, tap = first_tap + r;
        if (channel < w.padded_channels && tap < w.taps)
          store<1>(to, (out * w.taps + tap) * w.padded_channels + channel, {tile[threadIdx.x][r]});
      }
      __syncthreads();
    }
}

struct End {
  Values raw, bias, residual, y;
  int64_t packs, channels, raw_channels;  // channels in packs
};

template <int N>
__global__ void end_kernel(End e) {
  for (int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x; i < e.packs;
       i += int64_t{gridDim.x} * blockDim.x) {
    const int64_t pixel = i / e.channels, channel = i % e.channels;
    Pack<N> value = load<N>(e.raw, pixel * e.raw_channels + channel * N);
    if (e.bias.data) {
      const Pack<N> bias = load<N>(e.bias, channel * N);
#pragma unroll
      for (int k = 0; k < N; ++k) value.v[k] += bias.v[k];
    }
    if (e.residual.data) {
      const Pack<N> residual = load<N>(e.residual, i * N);
#pragma unroll
      for (int k = 0; k < N; ++k) value.v[k] += residual.v[k];
    }
    store<N>(e.y, i * N, value);
  }
}

}  // namespace

void direct_convolution(cudaStream_t stream, const DirectConvolution& c) {
  Geometry g;
  g.frames = c.x.shape[1], g.past = c.past;
  g.rows = c.x.shape[2], g.columns = c.x.shape[3];
  g.channels = c.x.shape[4], g.outs = c.y.shape[4];
  g.out_frames = c.y.shape[1], g.out_rows = c.y.shape[2], g.out_columns = c.y.shape[3];
  g.pixels = c.y.shape.elements(0, 4);
  g.doubled = static_cast<int>(c.doubled);
  for (size_t axis = 0; axis < 3; ++axis) {
    g.kernel[axis] = static_cast<int>(c.kernel[axis]);
    g.stride[axis] = static_cast<int>(c.stride[axis]);
    g.before[axis] = static_cast<int>(c.before[axis]);
  }
  if (g.pixels * g.outs == 0) return;
  const dim3 blocks(static_cast<unsigned>((g.pixels + kPixels - 1) / kPixels),
                    static_cast<unsigned>((g.outs + kOuts - 1) / kOuts));
  direct_kernel<<<blocks, 256, 0, stream>>>(g, {values_of(c.x), values_of(c.cache), values_of(c.bias),
                                                values_of(c.residual), values_of(c.y), c.weight});
}

void pack_weight(cudaStream_t stream, const TensorView& weight, const PackedWeight& packed, DType type,
                 void* to) {
  constexpr int64_t kMostRows = 65535;  // of blocks
  const dim3 blocks(static_cast<unsigned>((packed.padded_channels + kTile - 1) / kTile),
                    static_cast<unsigned>(std::min(packed.padded_outs, kMostRows)));
  pack_kernel<<<blocks, dim3(kTile, kTileRows), 0, stream>>>(values_of(weight), packed, {to, type});
}

void end_convolution(cudaStream_t stream, const ConvolutionEnd& c) {
  const Values raw = values_of(c.raw), bias = values_of(c.bias), y = values_of(c.y),
               residual{const_cast<void*>(c.residual), c.residual_type};
  const int64_t count = c.pixels * c.channels;
  if (count == 0) return;
  if (is_wide(c.channels, {raw, bias, residual, y}) && c.raw_channels % kWide == 0)
    end_kernel<kWide><<<blocks_for(count / kWide), kThreads, 0, stream>>>(
        {raw, bias, residual, y, count / kWide, c.channels / kWide, c.raw_channels});
  else
    end_kernel<1><<<blocks_for(count), kThreads, 0, stream>>>(
        {raw, bias, residual, y, count, c.channels, c.raw_channels});
}

}  // namespace zoetrope::cuda
