// Sinusoids of a timestep, float32 throughout in the order of diffusers' get_timestep_embedding.
#pragma once

#include "graph/graph.h"

namespace zoetrope {

struct TimestepEmbeddingOptions {
  bool flip_sin_to_cos = true;  // cosines first
  float downscale_freq_shift = 0;
  float scale = 1;
  float max_period = 10000;
};

struct TimestepEmbeddingAttributes final : Attributes {
  int64_t dim = 0;
  TimestepEmbeddingOptions options;
  std::string text() const override;
};

const Op& timestep_embedding_op();

// t (...) float32 -> (..., dim); an odd dim ends in a zero. Frequency i of dim/2 is
// exp(-ln(max_period) · i / (dim/2 - downscale_freq_shift)).
Tensor timestep_embedding(Tensor t, int64_t dim, const TimestepEmbeddingOptions& options = {});

}  // namespace zoetrope
