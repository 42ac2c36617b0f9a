// What a list of steps takes when a copy lane fetches ahead of the compute lane: overlap is simulated, event
// by event, never a factor.
#pragma once

#include <cstddef>
#include <vector>

namespace zoetrope {

// One copy, for one step. Its place on the device is free from the moment at which step `issue` may begin.
struct ReplayFetch {
  double bytes = 0;
  size_t issue = 0;
  size_t step = 0;
};

struct ReplayRun {
  std::vector<double> steps;         // seconds of each step, in order
  std::vector<ReplayFetch> fetches;  // in the order of the copies; their steps never fall
  double link = 1;                   // bytes a second
  double copy_latency = 0;           // seconds before every copy
  double copy_interference = 0;      // share of the link that is lost while the compute lane is busy
};

struct Interval {
  double begin = 0, end = 0;
};

struct ReplayResult {
  double seconds = 0;
  double waited = 0;  // seconds in which the compute lane had to wait for copies
  std::vector<Interval> steps, copies;
};

// Throws InternalError where a fetch belongs to no step, to one before its predecessor's, or is issued after
// it.
ReplayResult replay(const ReplayRun& run);

}  // namespace zoetrope
