// What a user asks of `make`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/dtype.h"
#include "base/file.h"

namespace zoetrope {

struct MakeRequest {
  std::string idea;                    // empty where a storyboard is given
  std::optional<fs::path> storyboard;  // a file, instead of the idea
  fs::path out;
  fs::path models;  // holds writer/ and video/
  uint64_t seed = 0;
  std::optional<int64_t> shot;  // draw this one again (from 1), with the seed
  int64_t shots = 3;
  std::optional<int> steps;
  std::optional<int64_t> width, height;
  std::optional<int64_t> frames;  // most frames of a segment
  std::optional<double> guidance, guidance_low;
  int fps = 16;
  std::string language = "en", voice;
  bool narration = true, metadata = true;
  bool force = false, keep_work = false, strict = false;
  int64_t budget_bytes = INT64_MAX;
  DType precision = DType::f32;
};

}  // namespace zoetrope
