// Progress on standard error: a bar with the time left on a terminal, a plain line a step elsewhere.
#pragma once

#include <string>

#include "pipeline/clip.h"

namespace zoetrope {

class ProgressPrinter {
 public:
  ProgressPrinter();
  void operator()(const std::string& stage, int done, int total);

 private:
  bool terminal_;
  std::string stage_;
  int last_ = -1;
  Stopwatch watch_;
};

// "7 s", "3:05 min", "2:10 h".
std::string duration_text(double seconds);

}  // namespace zoetrope
