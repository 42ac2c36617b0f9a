// Graph passes that replace chains of ops by fused ones.
#pragma once

#include "graph/passes.h"

namespace zoetrope {

// linear -> unary (silu, gelu, gelu_tanh, relu) -> linear, each intermediate read once, becomes feed_forward
// with `chunk_rows` rows of the hidden layer at a time. Chains whose intermediates are rounded below float32
// or are outputs stay as they are.
Pass fuse_feed_forward(int64_t chunk_rows);

}  // namespace zoetrope
