#include "sampling/noise.h"

#include <cmath>
#include <numbers>

namespace zoetrope {
namespace {

std::array<uint32_t, 4> block(uint64_t seed, uint64_t stream, uint64_t index) {
  return philox4x32({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32),
                     static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)},
                    {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
}

// A word as a number within (0, 1), never 0: its logarithm is taken.
double open_unit(uint32_t word) { return (word + 0.5) * 0x1p-32; }

}  // namespace

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0];
    const uint64_t b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key[0] += 0x9E3779B9;  // the golden ratio and sqrt(3) - 1, as 32-bit fractions
    key[1] += 0xBB67AE85;
  }
  return counter;
}

void fill_normal(uint64_t seed, uint64_t stream, uint64_t offset, std::span<float> out) {
  // One block gives four values: two words give the cosine and the sine of one pair.
  size_t done = 0;
  while (done < out.size()) {
    const uint64_t index = offset + done;
    const auto words = block(seed, stream, index / 4);
    float values[4];
    for (int pair = 0; pair < 2; ++pair) {
      const double radius = std::sqrt(-2 * std::log(open_unit(words[static_cast<size_t>(2 * pair)])));
      const double angle = 2 * std::numbers::pi * open_unit(words[static_cast<size_t>(2 * pair + 1)]);
      values[2 * pair] = static_cast<float>(radius * std::cos(angle));
      values[2 * pair + 1] = static_cast<float>(radius * std::sin(angle));
    }
    for (uint64_t k = index % 4; k < 4 && done < out.size(); ++k) out[done++] = values[k];
  }
}

double uniform(uint64_t seed, uint64_t stream, uint64_t index) {
  const auto words = block(seed, stream, index);
  return static_cast<double>(((uint64_t{words[0]} << 32) | words[1]) >> 11) * 0x1p-53;
}

}  // namespace zoetrope
