// What `zoetrope bench` can measure.
#pragma once

#include <string>
#include <vector>

#include "runtime/session.h"

namespace zoetrope {

struct BenchRequest {
  std::string model;  // a pipeline folder, one component's folder, or a preset's name
  bool random_weights = false;
  int64_t width = 0, height = 0, frames = 33;
  int64_t tokens = 512;  // of a prompt
  int runs = 5;
  double warm_up_seconds = 0;  // runs before those that count: one, and as many as fill this time
  bool profile = false;
  bool explain = false;
};

struct BenchResult {
  std::vector<double> seconds;  // sorted
  double flops = 0;             // of one run
  double load_seconds = 0;      // of taking memory and reading the parameters
  SessionPlan plan;
  int64_t measured_peak_bytes = 0;
  int64_t device_used_bytes = 0;  // after the runs, by everybody on the device; 0: not counted
  std::vector<StepTime> steps;    // with `profile`: of one run
  std::string explanation;        // with `explain`
};

BenchResult bench_forward(const BenchRequest& request, Device& device, const SessionOptions& options);
BenchResult bench_decode(const BenchRequest& request, Device& device, const SessionOptions& options);
BenchResult bench_encode(const BenchRequest& request, Device& device, const SessionOptions& options);
BenchResult bench_text(const BenchRequest& request, Device& device, const SessionOptions& options);

}  // namespace zoetrope
