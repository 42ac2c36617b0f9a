// Graph passes that replace chains of ops by fused ones.
#pragma once

#include "graph/passes.h"

namespace zoetrope {

// linear -> unary (silu, gelu, gelu_tanh, relu) -> linear, each intermediate read once, becomes feed_forward
// with `chunk_rows` rows of the hidden layer at a time, rounded as the chain's results are. Chains whose
// intermediates are outputs stay as they are. Runs after the pass that says what is rounded.
Pass fuse_feed_forward(int64_t chunk_rows);

// upsample_nearest by 2 that only a causal_conv3d with a 3 x 3 kernel, stride 1 and padding 1 reads becomes
// that convolution's own doubling: the frames of twice the size never exist, and 4/9 of the products are
// left. Runs after the pass that says what is rounded.
Pass fuse_upsample();

// layer_norm without weight and bias that only a modulate reads becomes modulated_norm, and rms_norm that
// only a split into heads and then a rotary of neighbouring pairs without positions reads becomes
// rms_norm_rotary: what lay between them is never in memory. Where a device that computes in float32 rounds
// it to the run's precision the chain stays; one that would have stored it narrow does not round it any more.
Pass fuse_norms();

}  // namespace zoetrope
