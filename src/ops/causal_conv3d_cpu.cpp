// x (B, T, H, W, C), weight (O, C, kt, kh, kw) -> (B, T', H', W', O), channels last.
//
// A direct convolution: 6 neighbouring pixels of a row times 16 output channels (12 pixels times 8 where
// there are no more than 8 channels) lie in twelve accumulators, over which the whole sum over taps and input
// channels runs, so that nothing is read back. The weight is packed as panels (O/16, kt, kh, kw, C, 16). With
// channels last the kw·C inputs of one kernel row lie side by side: away from the left and right border they
// are one run. Frames before the clip are read where they lie, in the cache; taps that see padding only are
// left out.
//
// Four output channels or fewer (the last layer of a decoder) would leave most of a panel empty: there a
// vector holds eight input channels of one output, summed at the end.
//
// Doubled frames: each of the four pixels made from one source pixel sees 2 x 2 different pixels under its 3
// x 3 kernel, so it is a convolution of the source with a 2 x 2 kernel of sums: four phases, 4/9 of the
// products.
//
// Measured on one core against oneDNN 2.6 with the same layout (docs/measurements): 95 to 103 GFLOP/s against
// 62 to 100 for 16 to 64 channels, 86 against 77 for 384; and no copy joins the cache and the new frames.
#include <immintrin.h>

#include <cstring>

#include "base/checked.h"
#include "cpu/copy.h"
#include "cpu/elementwise.h"
#include "cpu/unroll.h"
#include "cpu/vector_math.h"
#include "ops/causal_conv3d.h"
#include "ops/kernel.h"
#include "ops/linear_cpu.h"

namespace zoetrope {
namespace {

constexpr int64_t kMostFrames = 16;  // taps in time

// The convolution as it is computed. Where frames are doubled that is four phases, each a convolution of the
// source frames with a 2 x 2 kernel whose pixels lie two apart in the result.
struct Geometry {
  explicit Geometry(const NodeView& node)
      : o(node.attrs<Conv3dAttributes>().options),
        batch(node.in(0)[0]),
        frames(node.in(0)[1]),
        rows(node.in(0)[2]),
        columns(node.in(0)[3]),
        channels(node.in(0)[4]),
        kt(node.in(1)[2]),
        plain_kh(node.in(1)[3]),
        plain_kw(node.in(1)[4]),
        kh(o.upsample == 2 ? 2 : plain_kh),
        kw(o.upsample == 2 ? 2 : plain_kw),
        out_frames(node.out()[1]),
        out_rows(node.out()[2] / o.upsample),
        out_columns(node.out()[3] / o.upsample),
        out_channels(node.out()[4]),
        dots(out_channels <= 4 && channels % 8 == 0),
        panel(16),
        phases(o.upsample * o.upsample) {
    if (out_channels <= 8) panel = 8;
    if (dots) panel = out_channels;
    panels = ceil_div(out_channels, panel);
  }
  int64_t panel_floats() const { return kt * kh * kw * channels * panel; }
  int64_t packed_floats() const { return phases * panels * panel_floats(); }
  int64_t frame_floats() const { return rows * columns * channels; }

  Conv3dOptions o;
  int64_t batch, frames, rows, columns, channels;
  int64_t kt, plain_kh, plain_kw, kh, kw;
  int64_t out_frames, out_rows, out_columns, out_channels;  // rows and columns of one phase
  bool dots;       // few output channels: vectors run along the input channels
  int64_t panel;   // output channels of a panel
  int64_t phases;  // 1, or 4: (row, column) = (0, 0), (0, 1), (1, 0), (1, 1)
  int64_t panels;  // of one phase
};

// The tap of a phase's kernel, along one axis, to which a plain tap goes: of the doubled pixels under a
// 3-wide kernel the first phase has one left of the source pixel and two in it, the second two in it and one
// right of it.
int64_t tap_of(const Geometry& g, int64_t phase, int64_t tap) {
  return g.o.upsample == 2 ? (tap + 1 - phase) / 2 : tap;
}

// Where the weight of `lane` stands in its panel: (kt, kh, kw, C, panel), or (kt, kh, O, kw, C) for dots.
int64_t place_in_panel(const Geometry& g, int64_t tap, int64_t channel, int64_t lane) {
  if (!g.dots) return (tap * g.channels + channel) * g.panel + lane;
  return ((tap / g.kw * g.panel + lane) * g.kw + tap % g.kw) * g.channels + channel;
}

// Panel `index` (of all phases) of a weight of any floating type, zeros behind the last channel.
void pack_panel(const Geometry& g, DType dtype, const void* plain, int64_t index, float* packed) {
  const int64_t phase = index / g.panels, first = index % g.panels * g.panel;
  const int64_t count = std::min(g.panel, g.out_channels - first), taps = g.kt * g.plain_kh * g.plain_kw;
  std::memset(packed, 0, static_cast<size_t>(g.panel_floats()) * 4);
  constexpr int64_t kPiece = 512;
  float wide[kPiece];
  const int64_t length = g.channels * taps;
  for (int64_t lane = 0; lane < count; ++lane)
    for (int64_t at = 0; at < length; at += kPiece) {
      const int64_t n = std::min(kPiece, length - at);
      const size_t offset = static_cast<size_t>((first + lane) * length + at) * size_of(dtype);
      widen_to_f32(dtype, static_cast<const char*>(plain) + offset, wide, static_cast<size_t>(n));
      for (int64_t i = 0; i < n; ++i) {
        const int64_t tap = (at + i) % taps, x = tap_of(g, phase % 2, tap % g.plain_kw),
                      y = tap_of(g, phase / 2, tap / g.plain_kw % g.plain_kh),
                      t = tap / (g.plain_kw * g.plain_kh);
        packed[place_in_panel(g, (t * g.kh + y) * g.kw + x, (at + i) / taps, lane)] += wide[i];
      }
    }
}

// What a row of output pixels is made of.
struct RowInput {
  const float* const* frames;  // kt of them, null where a frame is all zeros
  int64_t top;                 // input row under the kernel's first row; may be negative
  int64_t pad;                 // columns of zeros left of the input
  const float* weight;         // the panel
  const float* zeros;          // C of them: a pixel outside
};

// The accumulators of R pixels times V vectors of channels.
template <int R, int V>
struct Sums {
  static constexpr int kPixels = R;
  static constexpr int64_t kRowFloats = 8 * V;   // weights of one input channel of a kernel row
  static constexpr int64_t kStepFloats = 8 * V;  // from one input channel to the next
  __m256 at[R][V];
  __m256 total[R][V];

  // Adds what one tap in time gave to the total: three short sums round less than a long one.
  ZT_INLINE void end_frame() {
    unroll<R>([&](auto r) ZT_INLINE {
      unroll<V>([&](auto v) ZT_INLINE {
        total[r][v] = _mm256_add_ps(total[r][v], at[r][v]);
        at[r][v] = _mm256_setzero_ps();
      });
    });
  }

  // += sum over i < n of pixel r's element i times weight row i.
  ZT_INLINE void add_run(const float* const (&pixel)[R], const float* weight, int64_t n, int64_t) {
    for (int64_t i = 0; i < n; ++i) {
      __m256 w[V];
      unroll<V>([&](auto v) ZT_INLINE { w[v] = _mm256_loadu_ps(weight + i * 8 * V + 8 * v); });
      unroll<R>([&](auto r) ZT_INLINE {
        const __m256 x = _mm256_broadcast_ss(pixel[r] + i);
        unroll<V>([&](auto v) ZT_INLINE { at[r][v] = _mm256_fmadd_ps(x, w[v], at[r][v]); });
      });
    }
  }
};

// The accumulators of R pixels times O output channels where those are few: eight partial sums each.
template <int R, int O>
struct Dots {
  static constexpr int kPixels = R;
  static constexpr int64_t kRowFloats = O;
  static constexpr int64_t kStepFloats = 1;
  __m256 at[R][O];

  ZT_INLINE void end_frame() {}

  // n is a multiple of 8; the weights of two output channels lie `row` apart.
  ZT_INLINE void add_run(const float* const (&pixel)[R], const float* weight, int64_t n, int64_t row) {
    for (int64_t i = 0; i < n; i += 8) {
      __m256 x[R];
      unroll<R>([&](auto r) ZT_INLINE { x[r] = _mm256_loadu_ps(pixel[r] + i); });
      unroll<O>([&](auto o) ZT_INLINE {
        const __m256 w = _mm256_loadu_ps(weight + o * row + i);
        unroll<R>([&](auto r) ZT_INLINE { at[r][o] = _mm256_fmadd_ps(x[r], w, at[r][o]); });
      });
    }
  }
};

// One row of output pixels (W', O) in one panel of channels.
struct RowOutput {
  const float* bias;      // of the panel, or null
  const float* residual;  // at the panel's first channel of the row's first pixel, or null
  float* y;               // likewise
  int64_t channels;       // of the panel that exist: at most 8 V
  int64_t step;           // floats from a pixel to the next
};

// Adds up all taps of the pixels from input column `left` (under the kernel's first column; may be negative)
// on.
template <class Accumulators>
ZT_INLINE inline void add_taps(const Geometry& g, const RowInput& in, int64_t left, Accumulators& sums) {
  constexpr int kPixels = Accumulators::kPixels;
  const int64_t channels = g.channels, step = g.o.stride_w * channels, run = g.kw * channels;
  const bool inside = left >= 0 && left + (kPixels - 1) * g.o.stride_w + g.kw <= g.columns;
  const int64_t first_row = std::max<int64_t>(0, -in.top), last_row = std::min(g.kh, g.rows - in.top);
  const float* pixel[kPixels];
  for (int64_t t = 0; t < g.kt; ++t) {
    if (!in.frames[t]) continue;
    for (int64_t y = first_row; y < last_row; ++y) {
      const float* row = in.frames[t] + (in.top + y) * g.columns * channels;
      const float* weight = in.weight + (t * g.kh + y) * run * Accumulators::kRowFloats;
      if (inside) {
        unroll<kPixels>([&](auto r) ZT_INLINE { pixel[r] = row + left * channels + r * step; });
        sums.add_run(pixel, weight, run, run);
        continue;
      }
      for (int64_t x = 0; x < g.kw; ++x, weight += channels * Accumulators::kStepFloats) {
        unroll<kPixels>([&](auto r) ZT_INLINE {
          const int64_t column = left + r * g.o.stride_w + x;
          pixel[r] = column >= 0 && column < g.columns ? row + column * channels : in.zeros;
        });
        sums.add_run(pixel, weight, channels, run);
      }
    }
    sums.end_frame();
  }
}

// Up to 8 channels of a pixel, with the residual.
ZT_INLINE inline void store_channels(const RowOutput& out, int64_t at, int64_t count, __m256 sum) {
  if (count >= 8) {
    if (out.residual) sum = _mm256_add_ps(sum, _mm256_loadu_ps(out.residual + at));
    _mm256_storeu_ps(out.y + at, sum);
  } else if (count > 0) {
    if (out.residual) sum = _mm256_add_ps(sum, load_part(out.residual + at, count));
    store_part(out.y + at, sum, count);
  }
}

template <int R, int V>
__attribute__((noinline)) void make_pixels(const Geometry& g, const RowInput& in, const RowOutput& out,
                                           int64_t column) {
  Sums<R, V> sums;
  unroll<V>([&](auto v) ZT_INLINE {
    const int64_t count = std::clamp<int64_t>(out.channels - 8 * v, 0, 8);
    const __m256 start = out.bias && count > 0 ? load_part(out.bias + 8 * v, count) : _mm256_setzero_ps();
    unroll<R>([&](auto r) ZT_INLINE {
      sums.total[r][v] = start;
      sums.at[r][v] = _mm256_setzero_ps();
    });
  });
  add_taps(g, in, column * g.o.stride_w - in.pad, sums);
  unroll<R>([&](auto r) ZT_INLINE {
    unroll<V>([&](auto v) ZT_INLINE {
      store_channels(out, (column + r) * out.step + 8 * v, out.channels - 8 * v, sums.total[r][v]);
    });
  });
}

template <int V>
void make_row_of_panel(const Geometry& g, const RowInput& in, const RowOutput& out) {
  constexpr int kPixels = 12 / V;
  int64_t column = 0;
  for (; column + kPixels <= g.out_columns; column += kPixels) make_pixels<kPixels, V>(g, in, out, column);
  for (; column + 3 <= g.out_columns; column += 3) make_pixels<3, V>(g, in, out, column);
  for (; column < g.out_columns; ++column) make_pixels<1, V>(g, in, out, column);
}

template <int R, int O>
__attribute__((noinline)) void make_dots(const Geometry& g, const RowInput& in, const RowOutput& out,
                                         int64_t column) {
  Dots<R, O> sums;
  unroll<R>([&](auto r)
                ZT_INLINE { unroll<O>([&](auto o) ZT_INLINE { sums.at[r][o] = _mm256_setzero_ps(); }); });
  add_taps(g, in, column * g.o.stride_w - in.pad, sums);
  unroll<R>([&](auto r) ZT_INLINE {
    unroll<O>([&](auto o) ZT_INLINE {
      const int64_t at = (column + r) * out.step + o;
      float sum = sum8(sums.at[r][o]);
      if (out.bias) sum += out.bias[o];
      out.y[at] = out.residual ? sum + out.residual[at] : sum;
    });
  });
}

template <int R, int O>
void make_row_of_dots(const Geometry& g, const RowInput& in, const RowOutput& out) {
  int64_t column = 0;
  for (; column + R <= g.out_columns; column += R) make_dots<R, O>(g, in, out, column);
  for (; column < g.out_columns; ++column) make_dots<1, O>(g, in, out, column);
}

void make_row(const Geometry& g, const RowInput& in, const RowOutput& out) {
  if (!g.dots) return g.panel == 8 ? make_row_of_panel<1>(g, in, out) : make_row_of_panel<2>(g, in, out);
  switch (g.out_channels) {
    case 1:
      return make_row_of_dots<8, 1>(g, in, out);
    case 2:
      return make_row_of_dots<4, 2>(g, in, out);
    case 3:
      return make_row_of_dots<3, 3>(g, in, out);
    default:
      return make_row_of_dots<3, 4>(g, in, out);
  }
}

class DirectConvolution final : public Kernel {
 public:
  std::string_view name() const override { return "avx2 direct convolution"; }
  bool supports(const NodeView& node) const override {
    return is_weight_type(node.inputs[1]->dtype) && node.in(1)[2] <= kMostFrames;
  }
  // A float32 weight was packed when it was loaded; another is packed here at every launch.
  size_t workspace(const NodeView& node, const DeviceSpec&) const override {
    return node.inputs[1]->dtype == DType::f32 ? 0 : packed_size(node);
  }
  size_t packed_bytes(const NodeView& node, size_t input, const DeviceSpec&) const override {
    return input == 1 && node.inputs[1]->dtype == DType::f32 ? packed_size(node) : 0;
  }
  void pack(const NodeView& node, size_t, const float* plain, void* packed,
            const DeviceSpec&) const override {
    const Geometry g(node);
    for (int64_t i = 0; i < g.phases * g.panels; ++i)
      pack_panel(g, DType::f32, plain, i, static_cast<float*>(packed) + i * g.panel_floats());
  }
  std::unique_ptr<PreparedKernel> prepare(const NodeView& node, const DeviceSpec& device) const override {
    return std::make_unique<Prepared>(node, device);
  }

 private:
  static size_t packed_size(const NodeView& node) {
    return static_cast<size_t>(Geometry(node).packed_floats()) * sizeof(float);
  }

  class Prepared final : public PreparedKernel {
   public:
    Prepared(const NodeView& node, const DeviceSpec& device)
        : g_(node), zeros_(static_cast<size_t>(g_.channels)) {
      // Strips of a few rows, so that a panel of the weight is used often while it is in the cache, but
      // enough of them for every thread, and all of one size.
      const int64_t rows = std::max<int64_t>(1, g_.out_rows), frames = g_.batch * g_.out_frames;
      const int64_t wanted = ceil_div(2 * device.threads, std::max<int64_t>(frames, 1));
      strips_ = std::max(ceil_div(rows, 8), std::min(rows, wanted));
      strip_ = ceil_div(rows, strips_);
      strips_ = ceil_div(rows, strip_);
    }

    void launch(const Launch& launch) override {
      const float* weight = launch.inputs[1].as<const float>();
      if (launch.inputs[1].dtype != DType::f32) {
        auto* packed = static_cast<float*>(launch.workspace);
        parallel_ranges(g_.phases * g_.panels, 1, [&](int64_t first, int64_t last) {
          for (int64_t i = first; i < last; ++i)
            pack_panel(g_, launch.inputs[1].dtype, launch.inputs[1].data, i, packed + i * g_.panel_floats());
        });
        weight = packed;
      }
      parallel_ranges(g_.batch * g_.out_frames * strips_, 1, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
          const int64_t row = i % strips_ * strip_;
          for (int64_t panel = 0; panel < g_.phases * g_.panels; ++panel)
            make_strip(launch, weight + panel * g_.panel_floats(), i / strips_, panel, row);
        }
      });
      if (launch.inputs[3].data) move_cache(launch);
    }

   private:
    // Frame `t` of [cache; x] in batch b, or null where it is all zeros.
    const float* frame(const Launch& launch, int64_t b, int64_t t) const {
      const int64_t past = g_.o.cache_frames;
      if (t >= past)
        return launch.inputs[0].as<const float>() + (b * g_.frames + t - past) * g_.frame_floats();
      return launch.inputs[3].data ? launch.inputs[3].as<const float>() + (b * past + t) * g_.frame_floats()
                                   : nullptr;
    }

    // A strip from row `first` on of output frame `index` of batch · T', in one panel (of all phases).
    void make_strip(const Launch& launch, const float* weight, int64_t index, int64_t panel,
                    int64_t first) const {
      const int64_t b = index / g_.out_frames, start = index % g_.out_frames * g_.o.stride_t;
      const int64_t factor = g_.o.upsample, channel = panel % g_.panels * g_.panel;
      // Of a phase: where its pixels lie in a square of the result. The second one starts at the source
      // pixel.
      const int64_t down = panel / g_.panels / factor, right = panel / g_.panels % factor;
      const auto* bias = launch.inputs[2].as<const float>();
      const auto* residual = launch.inputs[4].as<const float>();
      const float* frames[kMostFrames];
      for (int64_t t = 0; t < g_.kt; ++t) frames[t] = frame(launch, b, start + t);
      for (int64_t row = first; row < std::min(first + strip_, g_.out_rows); ++row) {
        const int64_t out_row = (index * g_.out_rows + row) * factor + down;
        const int64_t at = (out_row * g_.out_columns * factor + right) * g_.out_channels + channel;
        const RowInput in{frames, row * g_.o.stride_h - (g_.o.pad_h_before - down), g_.o.pad_w_before - right,
                          weight, zeros_.data()};
        const RowOutput out{bias ? bias + channel : nullptr, residual ? residual + at : nullptr,
                            launch.outputs[0].as<float>() + at, std::min(g_.panel, g_.out_channels - channel),
                            g_.out_channels * factor};
        make_row(g_, in, out);
      }
    }

    // The last F frames of [cache; x] become the cache.
    void move_cache(const Launch& launch) const {
      const int64_t past = g_.o.cache_frames, kept = std::max<int64_t>(0, past - g_.frames);
      const int64_t bytes = g_.frame_floats() * 4;
      for (int64_t b = 0; b < g_.batch; ++b) {
        auto* cache = launch.inputs[3].as<char>() + b * past * bytes;
        const auto* x = launch.inputs[0].as<const char>() + b * g_.frames * bytes;
        for (int64_t t = 0; t < kept; ++t)
          copy_bytes(cache + t * bytes, cache + (t + g_.frames) * bytes, bytes);
        copy_bytes(cache + kept * bytes, x + (g_.frames - (past - kept)) * bytes, (past - kept) * bytes);
      }
    }

    Geometry g_;
    std::vector<float> zeros_;
    int64_t strips_, strip_;  // of a frame, and rows of one
  };
};

}  // namespace

std::span<const Kernel* const> causal_conv3d_cpu_kernels() {
  static const DirectConvolution kernel;
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
