#include "media/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/error.h"

namespace zoetrope {
namespace {

// BT.709's weights in 1/1024.
uint8_t luma(const uint8_t* pixel) {
  return static_cast<uint8_t>((218 * pixel[0] + 732 * pixel[1] + 74 * pixel[2] + 512) >> 10);
}

double widest_deviation(const Picture& frame) {
  const size_t pixels = frame.rgb.size() / 3;
  double widest = 0;
  for (size_t c = 0; c < 3; ++c) {
    uint64_t sum = 0, squares = 0;
    for (size_t i = c; i < frame.rgb.size(); i += 3) {
      sum += frame.rgb[i];
      squares += static_cast<uint64_t>(frame.rgb[i]) * frame.rgb[i];
    }
    const double mean = static_cast<double>(sum) / static_cast<double>(pixels);
    const double variance = static_cast<double>(squares) / static_cast<double>(pixels) - mean * mean;
    widest = std::max(widest, std::sqrt(std::max(variance, 0.0)));
  }
  return widest;
}

}  // namespace

void ClipExaminer::add(const Picture& frame) {
  const size_t pixels = frame.rgb.size() / 3;
  if (pixels == 0 || (frames_ > 0 && pixels != first_luma_.size()))
    throw InternalError("ClipExaminer: an empty frame or one of another size");
  if (frames_ == 0) first_luma_.resize(pixels);
  uint64_t sum = 0;
  size_t changed = 0;
  for (size_t i = 0; i < pixels; ++i) {
    const uint8_t y = luma(&frame.rgb[i * 3]);
    sum += y;
    if (frames_ == 0)
      first_luma_[i] = y;
    else if (std::abs(y - first_luma_[i]) > kChangedLuma)
      ++changed;
  }
  brightest_ = std::max(brightest_, static_cast<double>(sum) / static_cast<double>(pixels));
  busiest_ = std::max(busiest_, widest_deviation(frame));
  most_changed_ = std::max(most_changed_, static_cast<double>(changed) / static_cast<double>(pixels));
  ++frames_;
}

std::vector<Finding> ClipExaminer::findings() const {
  std::vector<Finding> out;
  if (frames_ == 0) return out;
  if (brightest_ < kBlackLuma) {
    out.push_back(
        {"black",
         fmt::format("the clip is black: no frame's mean brightness exceeds {:.1f} of 255 (limit {})",
                     brightest_, kBlackLuma),
         brightest_, kBlackLuma});
    return out;
  }
  if (busiest_ < kUniformDeviation)
    out.push_back(
        {"uniform",
         fmt::format("the clip is of one colour: no frame varies by more than {:.1f} of 255 (limit {})",
                     busiest_, kUniformDeviation),
         busiest_, kUniformDeviation});
  if (frames_ > 1 && most_changed_ < kFrozenShare)
    out.push_back(
        {"frozen",
         fmt::format("the clip is frozen: at most {:.2f} % of the pixels change in {} frames (limit {} %)",
                     100 * most_changed_, frames_, 100 * kFrozenShare),
         most_changed_, kFrozenShare});
  return out;
}

std::vector<Finding> examine_clip(std::span<const Picture> frames) {
  ClipExaminer examiner;
  for (const Picture& frame : frames) examiner.add(frame);
  return examiner.findings();
}

}  // namespace zoetrope
