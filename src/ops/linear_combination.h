// A sampler's step: a weighted sum of latents, noise and predictions, the weights given anew for every run.
#pragma once

#include "graph/graph.h"

namespace zoetrope {

const Op& linear_combination_op();

// terms: n float32 tensors of one shape, coefficients (n) float32 -> sum over k of coefficients[k] ·
// terms[k], in the order of the terms, in float32. A term whose coefficient is 0 is left out, whatever it
// holds.
Tensor linear_combination(const std::vector<Tensor>& terms, Tensor coefficients);

}  // namespace zoetrope
