// Random numbers that depend on where they stand and on nothing else: value i of a stream is a function of
// (seed, stream, i), so any part can be drawn alone, in any order, on any device, and is the same.
//
// Philox4x32-10: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3"
// (SC11).
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace zoetrope {

// Four random words of a 128-bit counter under a 64-bit key.
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// Standard normal values offset, offset + 1, ... of the stream: Box-Muller on pairs of words, computed in
// double and rounded to float once (a float32 logarithm would lose the tails). The largest value is 6.76.
void fill_normal(uint64_t seed, uint64_t stream, uint64_t offset, std::span<float> out);

// Value `index` of the stream, evenly spread over [0, 1) with 53 bits.
double uniform(uint64_t seed, uint64_t stream, uint64_t index);

}  // namespace zoetrope
