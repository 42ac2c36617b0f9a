// softmax(scale · q kᵀ + bias + mask) v, in blocks: the matrix of scores never exists as a whole.
// (Vaswani et al., 2017; online softmax after Milakov and Gimelshein, 2018; blocks after Dao et al., 2022)
#pragma once

#include "graph/graph.h"

namespace zoetrope {

struct AttentionOptions {
  float scale = 1.0f;   // of q · k
  bool causal = false;  // query i sees the keys j <= position + i
  Tensor position;      // int32 (1): where query 0 stands among the keys; absent: 0
  Tensor key_mask;      // int32 (B, Lk): 1 where a key may be seen; absent: all may
  // T5's relative bias: bias_table (num_buckets, Hq) float32, added to the scaled scores at the bucket of
  // key position - query position.
  Tensor bias_table;
  bool bias_bidirectional = true;
  int64_t bias_max_distance = 128;
};

struct AttentionAttributes final : Attributes {
  float scale = 1.0f;
  bool causal = false;
  bool bias_bidirectional = true;
  int64_t bias_max_distance = 128;
  std::string text() const override;
};

const Op& attention_op();

// q (B, Lq, Hq, D), k (B, Lk, Hkv, D), v (B, Lk, Hkv, Dv) -> (B, Lq, Hq, Dv). Query head h reads key head
// h · Hkv / Hq (Hq a multiple of Hkv). Keys that no query may see by `causal` are never read, so k and v may
// be caches that are only filled up to position + Lq. A query that may see no key gives zeros (as PyTorch's
// scaled_dot_product_attention). Softmax in float32.
Tensor attention(Tensor q, Tensor k, Tensor v, const AttentionOptions& options);

// The bucket of a relative position (key - query) as T5 defines it, with its logarithm in float32.
int64_t relative_position_bucket(int64_t relative_position, bool bidirectional, int64_t num_buckets,
                                 int64_t max_distance);

}  // namespace zoetrope
