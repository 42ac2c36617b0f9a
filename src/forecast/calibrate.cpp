#include "forecast/calibrate.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"

namespace zoetrope {
namespace {

// Relative, of one measured time: as the fit weighs it against the prior (about what three printed digits
// leave), and as ranges count it. At 0.5 % in the fit, exact runs of a chip whose ratio is 1.6 were missed by
// up to 2 %.
constexpr double kFitResidual = 0.002, kResidual = 0.005;
constexpr double kLeastResidual = 0.0002;
constexpr double kRatioPrior = 0.25;  // of the logarithm of the ratio
constexpr double kWidest = 3;         // logarithms of ratios beyond it are not looked at

using Matrix = std::array<std::array<double, 3>, 3>;

FittedRun price_run(const MeasuredRun& run, const Gpu& base) {
  const CheckedClip clip = check_clip(run.request);
  const GraphPrice price = price_graph(clip.forward(), base, run.request.formats);
  double forwards = 0;
  for (const ExpertPass& pass : clip.passes) forwards += pass.forwards;
  FittedRun out{.run = run, .forwards = forwards / static_cast<double>(clip.passes.size())};
  out.attention = price.kind_seconds[static_cast<size_t>(WorkKind::attention)];
  out.others = price.seconds - out.attention;
  out.launches = price.launch_seconds;
  return out;
}

// Seconds of a pass that scale with the rates, at a scale of one.
double work_of(const FittedRun& run, double ratio) {
  return run.forwards * (run.others - run.launches + run.attention / ratio);
}

struct Line {
  double overhead = 0, slope = 0;  // slope: one over the scale
};

// The best overhead and slope for one ratio, in relative least squares.
Line best_line(const std::vector<FittedRun>& runs, double ratio, std::optional<double> overhead) {
  double n = 0, x = 0, xx = 0, y = 0, xy = 0;
  for (const FittedRun& run : runs) {
    const double weight = 1 / (run.run.pass_seconds * run.run.pass_seconds), work = work_of(run, ratio);
    const double seconds = run.run.pass_seconds - run.forwards * run.launches;
    n += weight, x += weight * work, xx += weight * work * work;
    y += weight * seconds, xy += weight * work * seconds;
  }
  const auto through = [&](double c) { return Line{c, std::max((xy - c * x) / xx, 1e-9)}; };
  if (overhead) return through(*overhead);
  const double determinant = n * xx - x * x;
  if (determinant <= 1e-12 * n * xx) return through(0);
  const double c = (y * xx - x * xy) / determinant;
  return through(std::max(c, 0.0));
}

double predicted(const FittedRun& run, const Line& line, double ratio) {
  return line.overhead + run.forwards * run.launches + line.slope * work_of(run, ratio);
}

// The sum of squares of the relative residuals.
double misfit(const std::vector<FittedRun>& runs, const Line& line, double ratio) {
  double sum = 0;
  for (const FittedRun& run : runs) {
    const double residual = predicted(run, line, ratio) / run.run.pass_seconds - 1;
    sum += residual * residual;
  }
  return sum;
}

// The logarithm of the ratio with the least misfit and prior: a coarse search, then golden sections around
// it.
double best_log_ratio(const std::vector<FittedRun>& runs, double sigma) {
  const auto objective = [&](double log_ratio) {
    const double ratio = std::exp(log_ratio);
    return misfit(runs, best_line(runs, ratio, {}), ratio) / (sigma * sigma) +
           log_ratio * log_ratio / (kRatioPrior * kRatioPrior);
  };
  constexpr double kStep = 0.05, kGolden = 0.6180339887498949;
  double best = 0;
  for (double at = -kWidest; at <= kWidest; at += kStep)
    if (objective(at) < objective(best)) best = at;
  double low = best - kStep, high = best + kStep;
  for (int i = 0; i < 60; ++i) {
    const double a = high - kGolden * (high - low), b = low + kGolden * (high - low);
    (objective(a) < objective(b) ? high : low) = objective(a) < objective(b) ? b : a;
  }
  return (low + high) / 2;
}

// With more runs than unknowns the runs themselves tell how exact they are, and the prior yields to exact
// ones.
double fitted_ratio(const std::vector<FittedRun>& runs) {
  double sigma = kFitResidual, ratio = std::exp(best_log_ratio(runs, sigma));
  for (int round = 0; round < 8 && runs.size() > 3; ++round) {
    const double seen =
        std::sqrt(misfit(runs, best_line(runs, ratio, {}), ratio) / static_cast<double>(runs.size() - 3));
    sigma = std::clamp(seen, kLeastResidual, sigma);
    ratio = std::exp(best_log_ratio(runs, sigma));
  }
  return ratio;
}

Matrix inverse(const Matrix& m) {
  Matrix out{};
  double determinant = 0;
  for (size_t i = 0; i < 3; ++i) {
    const size_t j = (i + 1) % 3, k = (i + 2) % 3;
    determinant += m[0][i] * (m[1][j] * m[2][k] - m[1][k] * m[2][j]);
    for (size_t r = 0; r < 3; ++r) {
      const size_t s = (r + 1) % 3, t = (r + 2) % 3;
      out[i][r] = m[s][j] * m[t][k] - m[s][k] * m[t][j];
    }
  }
  for (auto& row : out)
    for (double& value : row) value /= determinant;
  return out;
}

// Of overhead, log scale and log ratio: from the runs' residuals and the priors. What was fixed keeps its
// prior.
std::vector<double> covariance_of(const Fit& fit, const Line& line, double ratio) {
  double mean = 0;
  for (const FittedRun& run : fit.runs) mean += run.run.pass_seconds / static_cast<double>(fit.runs.size());
  const double overhead_prior = fit.overhead_fixed ? 0.5 * line.overhead + 0.02 * mean : mean;
  Matrix normal{};
  normal[0][0] = 1 / (overhead_prior * overhead_prior);
  normal[1][1] = 1 / (kWidest * kWidest);
  normal[2][2] = 1 / (kRatioPrior * kRatioPrior);
  const double free = static_cast<double>(fit.runs.size()) - (fit.ratio_fixed ? 2 : 3);
  const double seen = std::sqrt(misfit(fit.runs, line, ratio) / std::max(free, 1.0));
  for (const FittedRun& run : fit.runs) {
    const double sigma = std::max(kResidual, seen) * run.run.pass_seconds;
    const std::array<double, 3> slope = {1 / sigma, -line.slope * work_of(run, ratio) / sigma,
                                         -line.slope * run.forwards * run.attention / ratio / sigma};
    for (size_t i = 0; i < 3; ++i)
      for (size_t j = 0; j < 3; ++j) normal[i][j] += slope[i] * slope[j];
  }
  std::vector<double> flat;
  for (const auto& row : inverse(normal)) flat.insert(flat.end(), row.begin(), row.end());
  return flat;
}

// What the base entry says of everything in a pass that is no forward.
double base_overhead(const MeasuredRun& run, const Gpu& base) {
  const ClipPlan plan = plan_clip(check_clip(run.request), base);
  double forwards = 0;
  for (const PassPrice& pass : plan.denoise) forwards += pass.pass.forwards;
  const double rest = plan.seconds - forwards * plan.forward.seconds;
  return std::clamp(rest / static_cast<double>(plan.denoise.size()), 0.0, 0.9 * run.pass_seconds);
}

}  // namespace

Fit fit_runs(const MeasuredRuns& measured) {
  Fit fit;
  double least = 0, most = 0;
  for (const MeasuredRun& run : measured.runs) {
    fit.runs.push_back(price_run(run, measured.base));
    const double tokens = static_cast<double>(check_clip(run.request).tokens);
    least = least == 0 ? tokens : std::min(least, tokens);
    most = std::max(most, tokens);
  }
  fit.ratio_fixed = fit.runs.size() < 3 || most < 2 * least;
  fit.overhead_fixed = fit.runs.size() == 1;
  const double ratio = fit.ratio_fixed ? 1 : fitted_ratio(fit.runs);
  std::optional<double> overhead;
  if (fit.overhead_fixed) overhead = base_overhead(measured.runs.front(), measured.base);
  const Line line = best_line(fit.runs, ratio, overhead);
  for (FittedRun& run : fit.runs) run.predicted = predicted(run, line, ratio);
  fit.law = {.pass_overhead = line.overhead,
             .rate_scale = 1 / line.slope,
             .attention_ratio = ratio,
             .covariance = covariance_of(fit, line, ratio),
             .source = "fitted to " + std::to_string(fit.runs.size()) + " runs of " + measured.file};
  return fit;
}

}  // namespace zoetrope
