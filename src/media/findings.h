// What can be told about a clip from its frames alone: black, frozen, or of one colour. Such a clip is valid
// video, but hardly what anyone asked for.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "media/picture.h"

namespace zoetrope {

struct Finding {
  std::string kind;     // "black", "frozen", "uniform"
  std::string message;  // a sentence with the numbers
  double measured = 0, threshold = 0;
};

// The limits, on pixel values of 0 to 255.
constexpr double kBlackLuma = 8;         // black: every frame's mean luma is below
constexpr double kUniformDeviation = 3;  // uniform: in every frame each channel's standard deviation is below
constexpr int kChangedLuma = 12;  // frozen: between the first and any other frame the share of pixels whose
constexpr double kFrozenShare = 1e-3;  // luma (BT.709) changes by more than the former is below the latter

// Takes the frames of one clip in order; holds the first one's luma.
class ClipExaminer {
 public:
  void add(const Picture& frame);
  // A black clip is told as black alone. A single frame is never frozen. No frames, no findings.
  std::vector<Finding> findings() const;

 private:
  int frames_ = 0;
  std::vector<uint8_t> first_luma_;
  double brightest_ = 0;  // of the frames, the largest mean luma
  double busiest_ = 0;    // the largest standard deviation of a channel
  double most_changed_ = 0;
};

std::vector<Finding> examine_clip(std::span<const Picture> frames);

}  // namespace zoetrope
