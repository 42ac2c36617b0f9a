// What the stages of a run took: planned and measured bytes, and seconds. Stages of one name are one row.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "runtime/session.h"

namespace zoetrope {

struct StageReport {
  std::string name;
  int64_t planned_peak_bytes = 0;
  int64_t measured_peak_bytes = 0;
  double seconds = 0;
};

class Stages {
 public:
  // Time that a stage took, and the bytes of its session where it had one.
  void add(const std::string& name, double seconds, const Session* session = nullptr);
  void add(const std::string& name, double seconds, int64_t planned_peak_bytes, int64_t measured_peak_bytes);
  const std::vector<StageReport>& rows() const { return rows_; }
  Json json() const;

 private:
  std::vector<StageReport> rows_;
};

// Seconds since it was made.
class Stopwatch {
 public:
  Stopwatch();
  double seconds() const;

 private:
  double start_;
};

}  // namespace zoetrope
