// Two products with an activation between them, so that only a few rows of the wide hidden layer exist at a
// time: act(x W1ᵀ + b1) W2ᵀ + b2 (+ residual).
#pragma once

#include "graph/graph.h"
#include "ops/unary.h"

namespace zoetrope {

struct FeedForwardAttributes final : Attributes {
  UnaryKind kind = UnaryKind::gelu_tanh;  // silu, gelu, gelu_tanh or relu
  int64_t chunk_rows = 0;                 // rows of x at a time; 0: all
  DType hidden_rounding = DType::f32;     // of the hidden values, before and after the activation
  std::string text() const override;
};

const Op& feed_forward_op();

struct FeedForwardWeights {
  Tensor w1;  // (N, K)
  Tensor b1;  // (N) or absent
  Tensor w2;  // (M, N)
  Tensor b2;  // (M) or absent
};

// x (..., K) -> (..., M); residual of the result's shape or absent. Weights may be held in f32, bf16 or f16.
Tensor feed_forward(Tensor x, const FeedForwardWeights& weights, UnaryKind kind, int64_t chunk_rows,
                    Tensor residual = {});

}  // namespace zoetrope
