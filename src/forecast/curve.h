// The share of a peak rate that is reached, over the size of the work.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace zoetrope {

// Through measured points (size > 0, share > 0), over the logarithm of size: rises and falls where the points
// do and nowhere else (Fritsch and Carlson, 1980; the slopes are Fritsch and Butland's of 1984), and is held
// at its ends.
class Curve {
 public:
  Curve() = default;
  // Sizes must rise; one point is a constant.
  explicit Curve(std::vector<std::pair<double, double>> points);

  double at(double size) const;
  const std::vector<std::pair<double, double>>& points() const { return points_; }

 private:
  std::vector<std::pair<double, double>> points_;
  std::vector<double> x_, slope_;  // logarithms of the sizes, and the curve's slope at each
};

}  // namespace zoetrope
