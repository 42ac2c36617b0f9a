// What lies in the output folder at the end: the video, subtitles, the contact sheet, the storyboard and the
// report.
#pragma once

#include <string>
#include <vector>

#include "media/narration.h"
#include "pipeline/render.h"
#include "pipeline/request.h"
#include "story/storyboard.h"

namespace zoetrope {

// A shot as it will be seen and heard.
struct CutShot {
  Shot shot;
  Narration narration;  // empty sound where nobody speaks
  RenderShot render;
  double start = 0;  // seconds from the start of the video
  double seconds(int fps) const { return static_cast<double>(render.plan.frames()) / fps; }
};

struct StoryFacts {
  Storyboard storyboard;
  std::string request_hash;
  int64_t width = 0, height = 0;
  Json models;    // role, path, sha256
  Json findings;  // shot, kind, message
};

// Writes everything into `work` and moves it into `out` at the end, file by file; the video comes last.
void write_outputs(const MakeRequest& request, const std::vector<CutShot>& cut, const StoryFacts& facts,
                   const fs::path& work, Stages& stages);

// Calls `sink` with every frame of a shot that is shown, in order.
void each_frame(const RenderShot& shot, const FrameSink& sink);

}  // namespace zoetrope
