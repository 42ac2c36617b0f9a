// A block has 32 query rows of one head and goes over the keys 32 at a time; a warp has four of the rows. The
// scores of a row are one to a lane (lane = key), summed over the depth in pieces of 64 columns that lie in
// shared memory, queries and keys. They become weights by the online softmax (a running maximum and sum a
// row; what was summed under a lower maximum is scaled down). Then the values come 64 columns at a time and
// are summed into registers, lane = column. Plain float32 arithmetic: what the libraries take runs there.
#include "cuda/online_attention.h"
#include "cuda/values.cuh"

namespace zoetrope::cuda {
namespace {

constexpr int kWarps = 8;
constexpr int kRowsOfWarp = 4;
constexpr int kRows = kWarps * kRowsOfWarp;  // query rows of a block
constexpr int kKeys = 32;                    // of a step: one to a lane
constexpr int kColumns = 64;                 // of a piece
constexpr int kStride = kColumns + 4;        // so that lanes that read a column of rows meet no bank twice
constexpr float kLog2E = 1.44269504088896341f;

struct Sizes {
  int64_t rows, keys, heads, key_heads;
  int depth, value_depth;
};

struct Operands {
  Values q, k, v, y;
  const int32_t* position;
  const int32_t* mask;
  const float* bias;
  float scale;
  bool causal;
};

// Columns [column, column + kColumns) of 32 rows that lie `stride` apart, zeros beyond `rows` and `columns`.
struct Piece {
  Values values;
  int64_t start;  // of the first row's first value
  int64_t stride;
  int rows, columns, column;
};

template <int N>
__device__ inline void fetch(const Piece& piece, float (&to)[kRows][kStride]) {
#pragma unroll
  for (int i = threadIdx.x * N; i < kRows * kColumns; i += kWarps * 32 * N) {
    const int row = i / kColumns, column = i % kColumns;
    Pack<N> pack{};
    if (row < piece.rows && piece.column + column < piece.columns)
      pack = load<N>(piece.values, piece.start + row * piece.stride + piece.column + column);
#pragma unroll
    for (int k = 0; k < N; ++k) to[row][column + k] = pack.v[k];
  }
}

__device__ inline float warp_max(float x) {
#pragma unroll
  for (int reach = 16; reach > 0; reach /= 2) x = fmaxf(x, __shfl_xor_sync(~0u, x, reach));
  return x;
}
__device__ inline float warp_sum(float x) {
#pragma unroll
  for (int reach = 16; reach > 0; reach /= 2) x += __shfl_xor_sync(~0u, x, reach);
  return x;
}

// Where a block and a warp of it are.
struct Place {
  int64_t batch, head;
  int64_t first, count;  // the block's rows
  int64_t mine;          // the warp's first row
  int64_t position;
  int64_t limit;  // keys [0, limit) may be seen by a query of the block
};

__device__ inline Place place_of(const Sizes& s, const Operands& o) {
  Place at;
  at.batch = blockIdx.y / s.heads, at.head = blockIdx.y % s.heads;
  at.first = blockIdx.x * int64_t{kRows}, at.count = min(s.rows - at.first, int64_t{kRows});
  at.mine = at.first + threadIdx.x / 32 * kRowsOfWarp;
  at.position = o.position ? *o.position : 0;
  at.limit = o.causal ? max(min(at.position + at.first + at.count, s.keys), int64_t{0}) : s.keys;
  return at;
}

// What a warp has of its rows: the sums of 2 G columns a lane, and the state of the softmax.
template <int G>
struct Rows {
  float sum[kRowsOfWarp][2 * G];
  float highest[kRowsOfWarp], total[kRowsOfWarp];
};

// score += q · k over the piece of columns in shared memory.
__device__ inline void add_products(const float (&queries)[kRows][kStride],
                                    const float (&keys)[kKeys][kStride], int columns,
                                    float (&score)[kRowsOfWarp]) {
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
#pragma unroll 4
  for (int c = 0; c < columns; c += 4) {
    const float4 k = *reinterpret_cast<const float4*>(&keys[lane][c]);
#pragma unroll
    for (int r = 0; r < kRowsOfWarp; ++r) {
      const float4 q = *reinterpret_cast<const float4*>(&queries[warp * kRowsOfWarp + r][c]);
      score[r] = fmaf(q.x, k.x, fmaf(q.y, k.y, fmaf(q.z, k.z, fmaf(q.w, k.w, score[r]))));
    }
  }
}

// The scores of the lane's key become weights.
template <int G>
__device__ inline void weigh(const Sizes& s, const Operands& o, const Place& at, int64_t key,
                             float (&score)[kRowsOfWarp], Rows<G>& rows) {
  const bool seen = key < at.limit && (!o.mask || o.mask[at.batch * s.keys + key] != 0);
#pragma unroll
  for (int r = 0; r < kRowsOfWarp; ++r) {
    const int64_t row = at.mine + r;
    float x = score[r] * o.scale * kLog2E;
    if (o.bias && seen && row < s.rows)
      x += kLog2E * o.bias[at.head * (s.rows + s.keys - 1) + key - row + s.rows - 1];
    if (!seen || (o.causal && key > at.position + row)) x = -INFINITY;
    const float raised = fmaxf(rows.highest[r], warp_max(x));
    const float factor = rows.highest[r] == -INFINITY ? 1.0f : exp2f(rows.highest[r] - raised);
    score[r] = x == -INFINITY ? 0.0f : exp2f(x - raised);
    rows.total[r] = rows.total[r] * factor + warp_sum(score[r]);
    rows.highest[r] = raised;
#pragma unroll
    for (int g = 0; g < 2 * G; ++g) rows.sum[r][g] *= factor;
  }
}

template <int G>
__device__ inline void store_rows(const Sizes& s, const Values& y, const Place& at, const Rows<G>& rows) {
#pragma unroll
  for (int r = 0; r < kRowsOfWarp; ++r) {
    if (at.mine + r >= s.rows) break;
    const float factor = rows.total[r] == 0.0f ? 0.0f : 1.0f / rows.total[r];
    const int64_t to = ((at.batch * s.rows + at.mine + r) * s.heads + at.head) * s.value_depth;
#pragma unroll
    for (int g = 0; g < 2 * G; ++g) {
      const int column = g * 32 + static_cast<int>(threadIdx.x % 32);
      if (column < s.value_depth) store<1>(y, to + column, {rows.sum[r][g] * factor});
    }
  }
}

// G: pieces of value columns. N: values that are read at a time.
template <int G, int N>
__global__ __launch_bounds__(kWarps * 32) void online_kernel(Sizes s, Operands o) {
  __shared__ __align__(16) float queries[kRows][kStride];
  __shared__ __align__(16) float others[kKeys][kStride];  // keys, then values
  const int lane = threadIdx.x % 32;
  const Place at = place_of(s, o);
  const int64_t key_head = at.batch * s.keys * s.key_heads + at.head * s.key_heads / s.heads;
  const int64_t q_start = ((at.batch * s.rows + at.first) * s.heads + at.head) * s.depth;
  Rows<G> rows{};
#pragma unroll
  for (int r = 0; r < kRowsOfWarp; ++r) rows.highest[r] = -INFINITY;

#pragma unroll 1
  for (int64_t key0 = 0; key0 < at.limit; key0 += kKeys) {
    const int64_t key_row = key_head + key0 * s.key_heads;
    const int keys = static_cast<int>(min(at.limit - key0, int64_t{kKeys}));
    float score[kRowsOfWarp] = {};
#pragma unroll 1
    for (int column = 0; column < s.depth; column += kColumns) {
      __syncthreads();
      fetch<N>({o.q, q_start, s.heads * s.depth, static_cast<int>(at.count), s.depth, column}, queries);
      fetch<N>({o.k, key_row * s.depth, s.key_heads * s.depth, keys, s.depth, column}, others);
      __syncthreads();
      add_products(queries, others, min(s.depth - column, kColumns), score);
    }
    weigh<G>(s, o, at, key0 + lane, score, rows);
#pragma unroll
    for (int g = 0; g < G; ++g) {
      if (g * kColumns >= s.value_depth) break;
      __syncthreads();
      fetch<N>({o.v, key_row * s.value_depth, s.key_heads * s.value_depth, keys, s.value_depth, g * kColumns},
               others);
      __syncthreads();
#pragma unroll 4
      for (int j = 0; j < keys; ++j) {
        const float low = others[j][lane], high = others[j][lane + 32];
#pragma unroll
        for (int r = 0; r < kRowsOfWarp; ++r) {
          const float weight = __shfl_sync(~0u, score[r], j);
          rows.sum[r][2 * g] = fmaf(weight, low, rows.sum[r][2 * g]);
          rows.sum[r][2 * g + 1] = fmaf(weight, high, rows.sum[r][2 * g + 1]);
        }
      }
    }
  }
  store_rows<G>(s, o.y, at, rows);
}

template <int G>
void launch(cudaStream_t stream, int64_t batch, const Sizes& s, const Operands& o) {
  const dim3 blocks(static_cast<unsigned>((s.rows + kRows - 1) / kRows),
                    static_cast<unsigned>(batch * s.heads));
  if (is_wide(s.depth, {o.q, o.k}) && is_wide(s.value_depth, {o.v}))
    online_kernel<G, kWide><<<blocks, kWarps * 32, 0, stream>>>(s, o);
  else
    online_kernel<G, 1><<<blocks, kWarps * 32, 0, stream>>>(s, o);
}

}  // namespace

void online_attention(cudaStream_t stream, const OnlineAttention& a) {
  const Sizes s{a.q.shape[1],
                a.k.shape[1],
                a.q.shape[2],
                a.k.shape[2],
                static_cast<int>(a.q.shape[3]),
                static_cast<int>(a.v.shape[3])};
  const Operands o{values_of(a.q), values_of(a.k), values_of(a.v), values_of(a.y), a.position,
                   a.mask,         a.bias,         a.scale,        a.causal};
  const int64_t batch = a.q.shape[0];
  if (batch * s.rows * s.heads * s.value_depth == 0) return;
  if (s.value_depth <= kColumns)
    launch<1>(stream, batch, s, o);
  else if (s.value_depth <= 2 * kColumns)
    launch<2>(stream, batch, s, o);
  else if (s.value_depth <= 4 * kColumns)
    launch<4>(stream, batch, s, o);
  else
    launch<8>(stream, batch, s, o);
}

}  // namespace zoetrope::cuda
