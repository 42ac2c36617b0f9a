#include "sampling/unipc.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "sampling/euler.h"

namespace zoetrope {
namespace {

using Row = StepCombination::Row;

// row += factor * other
void add(Row& row, double factor, const Row& other) {
  for (size_t k = 0; k < row.size(); ++k) row[k] += factor * other[k];
}

// Solves the small system matrix * x = right by elimination with pivots.
std::vector<double> solve(std::vector<std::vector<double>> matrix, std::vector<double> right) {
  const size_t n = right.size();
  for (size_t column = 0; column < n; ++column) {
    size_t pivot = column;
    for (size_t row = column + 1; row < n; ++row)
      if (std::abs(matrix[row][column]) > std::abs(matrix[pivot][column])) pivot = row;
    std::swap(matrix[column], matrix[pivot]);
    std::swap(right[column], right[pivot]);
    for (size_t row = column + 1; row < n; ++row) {
      const double factor = matrix[row][column] / matrix[column][column];
      for (size_t k = column; k < n; ++k) matrix[row][k] -= factor * matrix[column][k];
      right[row] -= factor * right[column];
    }
  }
  for (size_t row = n; row-- > 0;) {
    for (size_t k = row + 1; k < n; ++k) right[row] -= matrix[row][k] * right[k];
    right[row] /= matrix[row][row];
  }
  return right;
}

class UniPc {
 public:
  UniPc(const Schedule& schedule, const SchedulerConfig& config)
      : sigmas_(schedule.sigmas), steps_(schedule.steps()), config_(config) {}

  std::vector<StepCombination> all() {
    std::vector<StepCombination> out;
    int order_before = 0;
    for (int i = 0; i < steps_; ++i) {
      const int order = std::min({config_.solver_order, steps_ - i, i + 1});
      out.push_back(step(i, order_before, order));
      order_before = order;
    }
    return out;
  }

 private:
  // One interval of the solver, from level s to level t: h = lambda_t - lambda_s, ratios r of the earlier
  // levels' distances to h, and the right side b of the order conditions.
  struct Interval {
    double alpha, ratio;       // alpha_t, sigma_t / sigma_s
    double phi;                // e^-h - 1, also B(h)
    std::vector<double> r, b;  // (order): r ends with 1
  };

  double lambda(int i) const {
    const double sigma = sigmas_[static_cast<size_t>(i)];
    return std::log(1 - sigma) - std::log(sigma);  // +infinity at sigma 0
  }

  // from: index of s; t is the level after it. The k-th earlier level is that of index from - k.
  Interval interval(int from, int order) const {
    const double sigma_t = sigmas_[static_cast<size_t>(from + 1)];
    const double h = lambda(from + 1) - lambda(from);
    Interval out;
    out.alpha = 1 - sigma_t;
    out.ratio = sigma_t / sigmas_[static_cast<size_t>(from)];
    out.phi = std::expm1(-h);
    for (int k = 1; k < order; ++k) out.r.push_back((lambda(from - k) - lambda(from)) / h);
    out.r.push_back(1);
    double phi_k = out.phi / -h - 1;
    double factorial = 1;
    for (int k = 1; k <= order; ++k) {
      out.b.push_back(phi_k * factorial / out.phi);
      factorial *= k + 1;
      phi_k = phi_k / -h - 1 / factorial;
    }
    return out;
  }

  // The solution of sum_m rho_m * r_m^(k-1) = b_k, k = 1 ... count.
  static std::vector<double> weights(const Interval& interval, size_t count) {
    std::vector<std::vector<double>> powers(count, std::vector<double>(count));
    for (size_t k = 0; k < count; ++k)
      for (size_t m = 0; m < count; ++m) powers[k][m] = std::pow(interval.r[m], static_cast<double>(k));
    return solve(powers, {interval.b.begin(), interval.b.begin() + static_cast<std::ptrdiff_t>(count)});
  }

  Row unit(size_t k) const {
    Row out(static_cast<size_t>(2 + 1 + config_.solver_order));
    out[k] = 1;
    return out;
  }
  // The clean sample as predicted at an earlier step.
  Row prediction(int step) const { return unit(static_cast<size_t>(2 + 1 + step % config_.solver_order)); }

  // The first-order step from `start` with the prediction m0, common to predictor and corrector.
  static Row first_order(const Interval& interval, const Row& start, const Row& m0) {
    Row out(start.size());
    add(out, interval.ratio, start);
    add(out, -interval.alpha * interval.phi, m0);
    return out;
  }

  // Adds the divided differences of the predictions before m0 (of step `newest`) with weights rho.
  void add_differences(Row& out, const Interval& interval, const std::vector<double>& rho, const Row& m0,
                       int newest, int order) const {
    for (int k = 1; k < order; ++k) {
      const auto at = static_cast<size_t>(k - 1);
      const double factor = -interval.alpha * interval.phi * rho[at] / interval.r[at];
      add(out, factor, prediction(newest - k));
      add(out, -factor, m0);
    }
  }

  // The sample of step i anew, from the one of step i - 1, now that the model has answered at step i.
  Row corrected(int i, int order, const Row& m_now) const {
    const Interval step = interval(i - 1, order);
    const std::vector<double> rho =
        order == 1 ? std::vector<double>{0.5} : weights(step, static_cast<size_t>(order));
    const Row m0 = prediction(i - 1);
    Row out = first_order(step, unit(2), m0);
    add_differences(out, step, rho, m0, i - 1, order);
    const double factor = -step.alpha * step.phi * rho.back();
    add(out, factor, m_now);
    add(out, -factor, m0);
    return out;
  }

  Row predicted(int i, int order, const Row& start, const Row& m_now) const {
    const Interval step = interval(i, order);
    Row out = first_order(step, start, m_now);
    std::vector<double> rho;
    if (order == 2) rho = {0.5};
    if (order > 2) rho = weights(step, static_cast<size_t>(order - 1));
    add_differences(out, step, rho, m_now, i, order);
    return out;
  }

  StepCombination step(int i, int order_before, int order) const {
    Row m_now = unit(0);  // clean = sample - sigma * velocity
    add(m_now, -double{sigmas_[static_cast<size_t>(i)]}, unit(1));
    const auto& off = config_.disable_corrector;
    const bool correct = i > 0 && std::find(off.begin(), off.end(), i - 1) == off.end();
    const Row start = correct ? corrected(i, order_before, m_now) : unit(0);
    StepCombination out;
    out.next_sample = predicted(i, order, start, m_now);
    out.writes = {{0, start}, {1 + i % config_.solver_order, m_now}};
    for (double weight : out.next_sample)
      if (!std::isfinite(weight))
        throw InternalError("unipc: a weight of step " + std::to_string(i) + " is not finite");
    return out;
  }

  const std::vector<float>& sigmas_;
  int steps_;
  const SchedulerConfig& config_;
};

}  // namespace

std::vector<StepCombination> unipc_steps(const Schedule& schedule, const SchedulerConfig& config) {
  return UniPc(schedule, config).all();
}

std::vector<StepCombination> sampler_steps(const Schedule& schedule, const SchedulerConfig& config) {
  return config.sampler == SamplerKind::euler ? euler_steps(schedule) : unipc_steps(schedule, config);
}

}  // namespace zoetrope
