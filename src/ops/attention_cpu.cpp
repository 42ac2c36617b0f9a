// q (B, Lq, Hq, D), k (B, Lk, Hkv, D), v (B, Lk, Hkv, Dv) -> (B, Lq, Hq, Dv).
//
// Blocks: a task is a chunk of query rows of one head. It goes over the keys 256 at a time: keys and values
// of a block are packed into panels of 16 columns, then for 24 rows at a time the scores S = q kᵀ are made,
// turned into weights by the online softmax (a running maximum and sum for each row; what was summed under a
// lower maximum is scaled down), and P v is added to the row's sum. Only 24 x 256 scores exist at a time,
// which stay in the L1 cache.
//
// Few rows (the decoding of a language model): products of vectors straight from the cache, one head a task,
// since packing a block would cost as much as using it once.
//
// A row's result depends neither on the size of a chunk nor on the number of threads.
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/checked.h"
#include "cpu/elementwise.h"
#include "cpu/parallel.h"
#include "cpu/tile.h"
#include "cpu/transpose.h"
#include "cpu/vector_math.h"
#include "ops/attention.h"
#include "ops/kernel.h"

namespace zoetrope {
namespace {

constexpr int64_t kKeys = 256;                  // keys of a block
constexpr int64_t kRows = 24;                   // query rows whose scores exist at a time
constexpr int64_t kChunk = 192;                 // most query rows of a task
constexpr int64_t kFewRows = 3;                 // at most so many rows go without packing
constexpr float kLog2E = 1.44269504088896341f;  // scores are kept in base 2, whose exponential is cheaper
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

struct Sizes {
  int64_t batch, rows, keys, heads, key_heads, depth, value_depth;
  int64_t chunk;     // query rows of a task
  int64_t chunks;    // tasks of one head
  int64_t distance;  // relative positions are clamped to ±distance before their bias is looked up
  int64_t workers;   // threads that have a workspace

  Sizes(const NodeView& node, const DeviceSpec& device)
      : batch(node.in(0)[0]),
        rows(node.in(0)[1]),
        keys(node.in(1)[1]),
        heads(node.in(0)[2]),
        key_heads(node.in(1)[2]),
        depth(node.in(0)[3]),
        value_depth(node.in(2)[3]) {
    // Enough tasks for every thread to have a few, and chunks of even size.
    const int64_t wanted = ceil_div(4 * device.threads, std::max<int64_t>(batch * heads, 1));
    chunks = std::max(ceil_div(rows, kChunk), std::min(ceil_div(rows, kRows), wanted));
    chunk = round_up(ceil_div(rows, std::max<int64_t>(chunks, 1)), kTileRows);
    chunk = std::min(chunk, rows);
    chunks = rows ? ceil_div(rows, chunk) : 0;
    workers = std::clamp<int64_t>(tasks(), 1, device.threads);
    distance = std::min(node.attrs<AttentionAttributes>().bias_max_distance + 1, rows + keys);
  }
  int64_t tasks() const { return batch * heads * chunks; }
  bool few() const { return rows <= kFewRows; }
  int64_t block() const { return std::min(kKeys, round_up(keys, kPanel)); }
  // Rows of scores lie no power of two apart, so that they do not compete for the same places in the cache.
  int64_t score_stride() const { return block() + kPanel; }
  int64_t padded_depth() const { return round_up(value_depth, kPanel); }
};

// What one thread needs, in floats; each part starts at a multiple of 16. The last part, `sum`, is written to
// its end by every task.
struct Layout {
  explicit Layout(const Sizes& s, bool with_bias) {
    auto take = [&](int64_t count) {
      const int64_t at = round_up(end, 16);
      end = at + count;
      return at;
    };
    bias = take(with_bias ? 2 * s.distance + 1 : 0);
    query = take(s.chunk * s.depth);
    key = take(s.block() * s.depth);
    value = take(s.block() * s.padded_depth());
    score = take(std::min(kRows, s.chunk) * s.score_stride());
    out = take(s.chunk * s.padded_depth());
    highest = take(s.chunk);
    sum = take(s.chunk);
  }
  int64_t stride() const { return round_up(end, 16); }
  int64_t end = 0, bias, query, key, value, score, out, highest, sum;
};

// One head of one batch: where its rows start and how far they lie apart.
struct Head {
  const float* q;
  const float* k;
  const float* v;
  float* out;
  const int32_t* mask;  // of the batch's keys, or null
  int64_t q_stride, k_stride, v_stride, out_stride;
  int64_t head;
};

Head head_of(const Launch& launch, const Sizes& s, int64_t index) {
  const int64_t b = index / s.heads, h = index % s.heads, kh = h * s.key_heads / s.heads;
  const TensorView& mask = launch.inputs[4];
  return {launch.inputs[0].as<const float>() + (b * s.rows * s.heads + h) * s.depth,
          launch.inputs[1].as<const float>() + (b * s.keys * s.key_heads + kh) * s.depth,
          launch.inputs[2].as<const float>() + (b * s.keys * s.key_heads + kh) * s.value_depth,
          launch.outputs[0].as<float>() + (b * s.rows * s.heads + h) * s.value_depth,
          mask.data ? mask.as<const int32_t>() + b * s.keys : nullptr,
          s.heads * s.depth,
          s.key_heads * s.depth,
          s.key_heads * s.value_depth,
          s.heads * s.value_depth,
          h};
}

// Keys [0, result) may be seen by the query at `row`.
int64_t key_limit(const AttentionAttributes& settings, const Sizes& s, int64_t position, int64_t row) {
  return settings.causal ? std::clamp<int64_t>(position + row + 1, 0, s.keys) : s.keys;
}

float highest_of(const float* score, int64_t n) {
  __m256 even = _mm256_set1_ps(kMinusInfinity), odd = even;
  int64_t j = 0;
  for (; j + 16 <= n; j += 16) {
    even = _mm256_max_ps(even, _mm256_loadu_ps(score + j));
    odd = _mm256_max_ps(odd, _mm256_loadu_ps(score + j + 8));
  }
  for (; j < n; j += 8) even = _mm256_max_ps(even, _mm256_loadu_ps(score + j));
  return max8(_mm256_max_ps(even, odd));
}

// Turns scores into weights relative to `highest` and returns their sum. Zeros where nothing may be seen.
float soften(float* score, int64_t n, float highest) {
  const __m256 shift = _mm256_set1_ps(highest == kMinusInfinity ? 0.0f : highest);
  __m256 even = _mm256_setzero_ps(), odd = even;
  auto weigh = [&](float* s, __m256 sum) {
    const __m256 p = exp2_of_nonpositive8(_mm256_sub_ps(_mm256_loadu_ps(s), shift));
    _mm256_storeu_ps(s, p);
    return _mm256_add_ps(sum, p);
  };
  int64_t j = 0;
  for (; j + 16 <= n; j += 16) {
    even = weigh(score + j, even);
    odd = weigh(score + j + 8, odd);
  }
  for (; j < n; j += 8) even = weigh(score + j, even);
  return sum8(_mm256_add_ps(even, odd));
}

// By how much what was summed under an old maximum is scaled under a new one. (Under -infinity nothing was.)
float rescale(float before, float after) {
  return before == after || before == kMinusInfinity ? 1.0f : std::exp2(before - after);
}

void scale_row(float* row, int64_t n, float factor) {
  const __m256 f = _mm256_set1_ps(factor);
  map8(row, row, n, [&](__m256 v) { return _mm256_mul_ps(v, f); });
}

float dot(const float* a, const float* b, int64_t n) {
  __m256 even = _mm256_setzero_ps(), odd = _mm256_setzero_ps();
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    even = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), even);
    odd = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8), odd);
  }
  float tail = 0;
  for (; i < n; ++i) tail += a[i] * b[i];
  return sum8(_mm256_add_ps(even, odd)) + tail;
}

class AttentionKernel final : public Kernel {
 public:
  std::string_view name() const override { return "avx2 online softmax"; }
  bool supports(const NodeView& node) const override {
    for (size_t i : {0, 1, 2, 5})
      if (node.has(i) && node.inputs[i]->dtype != DType::f32) return false;
    return true;
  }
  size_t workspace(const NodeView& node, const DeviceSpec& device) const override {
    const Sizes sizes(node, device);
    if (sizes.few()) return 0;
    const Layout layout(sizes, node.has(5));
    return static_cast<size_t>(layout.stride() * (sizes.workers - 1) + layout.end) * sizeof(float);
  }
  std::unique_ptr<PreparedKernel> prepare(const NodeView& node, const DeviceSpec& device) const override {
    return std::make_unique<Prepared>(node, device);
  }

 private:
  class Prepared final : public PreparedKernel {
   public:
    Prepared(const NodeView& node, const DeviceSpec& device)
        : sizes_(node, device), layout_(sizes_, node.has(5)), settings_(node.attrs<AttentionAttributes>()) {
      if (!node.has(5)) return;
      for (int64_t d = -sizes_.distance; d <= sizes_.distance; ++d)
        buckets_.push_back(static_cast<int32_t>(relative_position_bucket(
            d, settings_.bias_bidirectional, node.in(5)[0], settings_.bias_max_distance)));
    }

    void launch(const Launch& launch) override {
      const int64_t position = launch.inputs[3].data ? *launch.inputs[3].as<const int32_t>() : 0;
      if (sizes_.few()) {
        const int64_t seen = key_limit(settings_, sizes_, position, sizes_.rows - 1);
        const int64_t work = std::max<int64_t>(1, seen * (sizes_.depth + sizes_.value_depth));  // of a head
        parallel_ranges(sizes_.batch * sizes_.heads, ceil_div(16384, work), [&](int64_t first, int64_t last) {
          for (int64_t i = first; i < last; ++i)
            for (int64_t row = 0; row < sizes_.rows; ++row) run_row(launch, i, row, position);
        });
        return;
      }
      // Worker w takes every workers-th task: under a causal mask later chunks cost more than earlier ones.
      auto* workspace = static_cast<float*>(launch.workspace);
      const int64_t heads = sizes_.batch * sizes_.heads, tasks = sizes_.tasks();
      parallel_ranges(sizes_.workers, 1, [&](int64_t first, int64_t last) {
        for (int64_t worker = first; worker < last; ++worker)
          for (int64_t task = worker; task < tasks; task += sizes_.workers)
            run_chunk(launch, task % heads, task / heads * sizes_.chunk, position,
                      workspace + worker * layout_.stride());
      });
    }

   private:
    float bias_at(const float* table, int64_t head, int64_t relative) const {
      const int64_t d = std::clamp(relative, -sizes_.distance, sizes_.distance);
      return table[buckets_[static_cast<size_t>(d + sizes_.distance)] * sizes_.heads + head];
    }

    // Rows [start, start + chunk) of one head.
    void run_chunk(const Launch& launch, int64_t index, int64_t start, int64_t position, float* space) const {
      const Head head = head_of(launch, sizes_, index);
      const int64_t rows = std::min(sizes_.chunk, sizes_.rows - start);
      const int64_t padded = sizes_.padded_depth();
      begin_chunk(launch, head, start, rows, space);
      const int64_t limit = key_limit(settings_, sizes_, position, start + rows - 1);
      for (int64_t key = 0; key < limit; key += kKeys) {
        const int64_t keys = std::min(kKeys, limit - key);
        pack_block(head, key, keys, space);
        for (int64_t row = 0; row < rows; row += kRows) {
          const int64_t count = std::min(kRows, rows - row);
          if (key_limit(settings_, sizes_, position, start + row + count - 1) <= key) continue;
          run_block({head, start, position, key, keys, row, count, launch.inputs[5].data != nullptr}, space);
        }
      }
      for (int64_t row = 0; row < rows; ++row) {
        const float sum = space[layout_.sum + row];
        float* from = space + layout_.out + row * padded;
        scale_row(from, padded, sum == 0.0f ? 0.0f : 1.0f / sum);
        std::memcpy(head.out + (start + row) * head.out_stride, from,
                    static_cast<size_t>(sizes_.value_depth) * 4);
      }
    }

    void begin_chunk(const Launch& launch, const Head& head, int64_t start, int64_t rows,
                     float* space) const {
      const __m256 scale = _mm256_set1_ps(settings_.scale * kLog2E);
      for (int64_t row = 0; row < rows; ++row)
        map8(head.q + (start + row) * head.q_stride, space + layout_.query + row * sizes_.depth, sizes_.depth,
             [&](__m256 v) { return _mm256_mul_ps(v, scale); });
      std::memset(space + layout_.out, 0, static_cast<size_t>(sizes_.chunk * sizes_.padded_depth()) * 4);
      std::fill_n(space + layout_.highest, sizes_.chunk, kMinusInfinity);
      std::fill_n(space + layout_.sum, sizes_.chunk, 0.0f);
      if (launch.inputs[5].data)
        for (int64_t d = -sizes_.distance; d <= sizes_.distance; ++d)
          space[layout_.bias + d + sizes_.distance] =
              kLog2E * bias_at(launch.inputs[5].as<const float>(), head.head, d);
    }

    // Panels of 16 keys as (D, 16), and panels of 16 value columns as (keys, 16); zeros where there is
    // nothing.
    void pack_block(const Head& head, int64_t key, int64_t keys, float* space) const {
      for (int64_t j = 0; j < keys; j += kPanel) {
        const int64_t count = std::min(kPanel, keys - j);
        float* to = space + layout_.key + j * sizes_.depth;
        if (count < kPanel) std::memset(to, 0, static_cast<size_t>(kPanel * sizes_.depth) * 4);
        transpose(head.k + (key + j) * head.k_stride, head.k_stride, to, kPanel, count, sizes_.depth);
      }
      for (int64_t column = 0; column < sizes_.value_depth; column += kPanel) {
        const int64_t count = std::min(kPanel, sizes_.value_depth - column);
        float* to = space + layout_.value + column * sizes_.block();
        const float* from = head.v + key * head.v_stride + column;
        for (int64_t j = 0; j < keys; ++j, to += kPanel, from += head.v_stride) {
          if (count == kPanel) {
            _mm256_storeu_ps(to, _mm256_loadu_ps(from));
            _mm256_storeu_ps(to + 8, _mm256_loadu_ps(from + 8));
          } else {
            _mm256_storeu_ps(to, load_part(from, std::min<int64_t>(count, 8)));
            _mm256_storeu_ps(to + 8, count > 8 ? load_part(from + 8, count - 8) : _mm256_setzero_ps());
          }
        }
      }
    }

    struct Block {
      const Head& head;
      int64_t start, position;  // of the chunk's first row
      int64_t key, keys;
      int64_t row, count;  // rows of the chunk
      bool with_bias;
    };

    void run_block(const Block& block, float* space) const {
      const int64_t width = round_up(block.keys, kPanel), stride = sizes_.score_stride();
      float* score = space + layout_.score;
      for (int64_t j = 0; j < width; j += kPanel)
        multiply_panel(space + layout_.query + block.row * sizes_.depth, sizes_.depth,
                       space + layout_.key + j * sizes_.depth, sizes_.depth, score + j, stride, block.count,
                       false);
      const int64_t padded = sizes_.padded_depth();
      float* out = space + layout_.out + block.row * padded;
      float raised[kRows];
      for (int64_t r = 0; r < block.count; ++r) {
        finish_scores(block, r, score + r * stride, width, space + layout_.bias);
        raised[r] = std::max(space[layout_.highest + block.row + r], highest_of(score + r * stride, width));
      }
      for (int64_t r = 0; r < block.count; ++r) {
        float &highest = space[layout_.highest + block.row + r], &sum = space[layout_.sum + block.row + r];
        const float factor = rescale(highest, raised[r]);
        highest = raised[r];
        if (factor != 1.0f) scale_row(out + r * padded, padded, factor);
        sum = sum * factor + soften(score + r * stride, width, highest);
      }
      for (int64_t column = 0; column < padded; column += kPanel)
        multiply_panel(score, stride, space + layout_.value + column * sizes_.block(), block.keys,
                       out + column, padded, block.count, true);
    }

    // Adds the bias to row r's scores and sets those that it may not see to -infinity.
    void finish_scores(const Block& block, int64_t r, float* line, int64_t width, const float* bias) const {
      const int64_t place = block.start + block.row + r;
      const int64_t seen =
          std::clamp<int64_t>(key_limit(settings_, sizes_, block.position, place) - block.key, 0, block.keys);
      if (block.with_bias) add_bias(line, block.key - block.position - place, seen, bias);
      if (block.head.mask)
        for (int64_t j = 0; j < seen; ++j)
          if (!block.head.mask[block.key + j]) line[j] = kMinusInfinity;
      std::fill(line + seen, line + width, kMinusInfinity);
    }

    // relative: the position of the line's first key minus the query's.
    void add_bias(float* line, int64_t relative, int64_t n, const float* bias) const {
      for (int64_t j = 0; j < n; ++j)
        line[j] += bias[std::clamp(relative + j, -sizes_.distance, sizes_.distance) + sizes_.distance];
    }

    // One query row without packing; the sum grows in the output row itself.
    void run_row(const Launch& launch, int64_t index, int64_t row, int64_t position) const {
      const Head head = head_of(launch, sizes_, index);
      const float* q = head.q + row * head.q_stride;
      float* out = head.out + row * head.out_stride;
      const int64_t limit = key_limit(settings_, sizes_, position, row), depth = sizes_.value_depth;
      float highest = kMinusInfinity, sum = 0;
      std::memset(out, 0, static_cast<size_t>(depth) * 4);
      alignas(32) std::array<float, kKeys> score;
      for (int64_t key = 0; key < limit; key += kKeys) {
        const int64_t keys = std::min(kKeys, limit - key), width = round_up(keys, 8);
        for (int64_t j = 0; j < keys; ++j) {
          float& s = score[static_cast<size_t>(j)];
          if (head.mask && !head.mask[key + j]) {
            s = kMinusInfinity;
            continue;
          }
          s = settings_.scale * kLog2E * dot(q, head.k + (key + j) * head.k_stride, sizes_.depth);
          if (launch.inputs[5].data)
            s += kLog2E * bias_at(launch.inputs[5].as<const float>(), head.head, key + j - position - row);
        }
        std::fill(score.begin() + keys, score.begin() + width, kMinusInfinity);
        const float raised = std::max(highest, highest_of(score.data(), width));
        const float factor = rescale(highest, raised);
        if (factor != 1.0f) scale_row(out, depth, factor);
        highest = raised;
        sum = sum * factor + soften(score.data(), width, highest);
        for (int64_t j = 0; j < keys; ++j) {
          const __m256 p = _mm256_set1_ps(score[static_cast<size_t>(j)]);
          zip8(head.v + (key + j) * head.v_stride, out, out, depth,
               [&](__m256 v, __m256 o) { return _mm256_fmadd_ps(p, v, o); });
        }
      }
      scale_row(out, depth, sum == 0.0f ? 0.0f : 1.0f / sum);
    }

    Sizes sizes_;
    Layout layout_;
    AttentionAttributes settings_;
    std::vector<int32_t> buckets_;  // of the relative positions -distance .. distance
  };
};

}  // namespace

std::span<const Kernel* const> attention_cpu_kernels() {
  static const AttentionKernel kernel;
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
