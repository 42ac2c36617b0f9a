// A catalogue entry fitted to whole runs that were measured elsewhere. The law of one pass over F forwards is
//   seconds = overhead + F · (products and bytes / scale + attention / (scale · ratio)),
// with the seconds of products, bytes and attention on the base entry. The overhead is what is no forward
// (text, loading, decoding, saving); how attention grows with frames is in its flops and never fitted.
#pragma once

#include <string>
#include <vector>

#include "forecast/clip_plan.h"

namespace zoetrope {

struct MeasuredRun {
  ClipRequest request;
  double pass_seconds = 0;  // of the whole run, divided by its passes
  std::string where;        // its place in the file
};

struct MeasuredRuns {
  Gpu base;
  std::vector<MeasuredRun> runs;
  std::string file;
};

// Throws InputError with line and field for unknown or missing keys, times that are not positive, and runs
// that stand twice.
MeasuredRuns read_runs(const Yaml& yaml);

struct FittedRun {
  MeasuredRun run;
  double forwards = 0;               // a pass
  double attention = 0, others = 0;  // seconds of one forward on the base entry
  double launches = 0;               // of `others`: launch gaps, which no rate shortens
  double predicted = 0;              // by the fitted law
};

struct Fit {
  Calibration law;
  std::vector<FittedRun> runs;
  bool ratio_fixed = false, overhead_fixed = false;
};

// Relative least squares with a residual of 0.2 % (less where more than three runs show it), an overhead of
// at least 0, and the logarithm of the ratio held near 0 by a prior of 0.25: free, it follows the noise;
// fixed, it misses by its own error. Fewer than three runs, or tokens that span less than a factor of two,
// fix the ratio; one run the overhead too, at the base entry's own.
Fit fit_runs(const MeasuredRuns& measured);

// The fitted entry for --gpu, and what was fitted for people.
std::string yaml_of(const MeasuredRuns& measured, const Fit& fit);
std::string table_of(const MeasuredRuns& measured, const Fit& fit);

}  // namespace zoetrope
