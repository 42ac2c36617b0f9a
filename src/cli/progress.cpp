#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

namespace zoetrope {

std::string duration_text(double seconds) {
  const auto s = static_cast<int64_t>(std::lround(seconds));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{}:{:02} min", s / 60, s % 60);
  return fmt::format("{}:{:02} h", s / 3600, s / 60 % 60);
}

ProgressPrinter::ProgressPrinter() : terminal_(::isatty(STDERR_FILENO) == 1) {}

void ProgressPrinter::operator()(const std::string& stage, int done, int total) {
  if (stage == stage_ && done == last_) return;  // nothing to tell
  last_ = done;
  if (stage != stage_) {
    stage_ = stage;
    watch_ = Stopwatch();
  }
  const double left = done > 0 ? watch_.seconds() / done * (total - done) : 0;
  if (!terminal_) {
    std::fputs(fmt::format("{} {}/{}, {} left\n", stage, done, total, duration_text(left)).c_str(), stderr);
    return;
  }
  constexpr int kWidth = 30;
  const int filled = total > 0 ? kWidth * done / total : kWidth;
  std::fputs(fmt::format("\r\x1b[K{:<24} [{:#<{}}{:.<{}}] {}/{}  {} left", stage, "", filled, "",
                         kWidth - filled, done, total, duration_text(left))
                 .c_str(),
             stderr);
  if (done == total) std::fputc('\n', stderr);
  std::fflush(stderr);
}

}  // namespace zoetrope
