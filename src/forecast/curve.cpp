#include "forecast/curve.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace zoetrope {

Curve::Curve(std::vector<std::pair<double, double>> points) : points_(std::move(points)) {
  for (size_t i = 0; i < points_.size(); ++i) {
    const auto& [size, share] = points_[i];
    if (!(size > 0) || !(share > 0) || (i > 0 && size <= points_[i - 1].first))
      throw InternalError("a curve's sizes must be positive and rise, its shares be positive");
    x_.push_back(std::log(size));
  }
  slope_.assign(points_.size(), 0.0);
  for (size_t i = 1; i + 1 < points_.size(); ++i) {
    const double left_width = x_[i] - x_[i - 1], right_width = x_[i + 1] - x_[i];
    const double left = (points_[i].second - points_[i - 1].second) / left_width;
    const double right = (points_[i + 1].second - points_[i].second) / right_width;
    if (left * right <= 0) continue;  // a turning point is flat, so that nothing overshoots it
    const double a = (left_width + 2 * right_width) / (3 * (left_width + right_width));
    slope_[i] = left * right / (a * right + (1 - a) * left);
  }
}

double Curve::at(double size) const {
  if (points_.empty()) throw InternalError("a curve without points was asked");
  if (size <= points_.front().first) return points_.front().second;
  if (size >= points_.back().first) return points_.back().second;
  const double x = std::log(size);
  const size_t i = static_cast<size_t>(std::upper_bound(x_.begin(), x_.end(), x) - x_.begin()) - 1;
  const double width = x_[i + 1] - x_[i], t = (x - x_[i]) / width;
  const double h00 = (1 + 2 * t) * (1 - t) * (1 - t), h10 = t * (1 - t) * (1 - t);
  return h00 * points_[i].second + (1 - h00) * points_[i + 1].second +
         width * (h10 * slope_[i] - t * t * (1 - t) * slope_[i + 1]);
}

}  // namespace zoetrope
