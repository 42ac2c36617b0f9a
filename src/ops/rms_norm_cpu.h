// What the RMS norms on the CPU share.
#pragma once

#include <cstdint>

#include "ops/rms_norm.h"

namespace zoetrope {

// What each of `count` (1..8) rows is multiplied by; eight at once, since root and division would otherwise
// cost as much as a narrow row.
void row_factors(const RmsNormAttributes& settings, const float* x, int64_t count, int64_t channels,
                 float (&factors)[8]);

}  // namespace zoetrope
