// The contact sheet: a frame of each shot with its text, on one picture.
#pragma once

#include <string>
#include <vector>

#include "media/font.h"
#include "media/picture.h"

namespace zoetrope {

struct SheetShot {
  Picture frame;
  double seconds = 0;  // how long the shot is; 0: not told
  std::string prompt, narration;
};

struct SheetContent {
  std::string title;
  std::string note;              // a line under the title: how the video was made
  std::vector<SheetShot> shots;  // 1 to 64
};

// Shots stand in rows, numbered from 1, two to four beside each other; long texts end in "…". Same content,
// same pixels. Throws InputError where the fonts (DejaVu Sans and its bold) are missing.
Picture draw_sheet(const SheetContent& content, const fs::path& font_folder = kFontFolder);

}  // namespace zoetrope
