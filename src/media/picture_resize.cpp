// Resampling as Pillow does it for 8-bit pictures: coefficients with 22 fractional bits, the horizontal pass
// first, rounded to 8 bits between the passes.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "media/picture.h"

namespace zoetrope {
namespace {

constexpr int kFractionBits = 32 - 8 - 2;

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double support_of(Filter filter) {
  switch (filter) {
    case Filter::box:
      return 0.5;
    case Filter::bilinear:
      return 1.0;
    case Filter::bicubic:
      return 2.0;
    case Filter::lanczos:
      return 3.0;
  }
  return 3.0;
}

double weight(Filter filter, double x) {
  switch (filter) {
    case Filter::box:
      return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    case Filter::bilinear:
      x = std::fabs(x);
      return x < 1.0 ? 1.0 - x : 0.0;
    case Filter::bicubic: {  // Keys' kernel with a = -1/2
      constexpr double a = -0.5;
      x = std::fabs(x);
      if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
      if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
      return 0.0;
    }
    case Filter::lanczos:
      return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
  }
  return 0.0;
}

// One output position: which inputs it reads, and where its weights start.
struct Tap {
  int first, count;
  size_t offset;
};
struct Taps {
  std::vector<Tap> taps;
  std::vector<int32_t> weights;
};

// The stretch [from, to) of an axis of `size` samples onto `out` samples.
Taps make_taps(int size, double from, double to, int out, Filter filter) {
  const double scale = (to - from) / out;
  const double widening = std::max(scale, 1.0);
  const double support = support_of(filter) * widening;
  Taps result;
  std::vector<double> row;
  for (int i = 0; i < out; ++i) {
    const double centre = from + (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(centre - support + 0.5), 0);
    const int last = std::min(static_cast<int>(centre + support + 0.5), size);
    row.clear();
    double sum = 0;
    for (int x = first; x < last; ++x) {
      row.push_back(weight(filter, (x - centre + 0.5) / widening));
      sum += row.back();
    }
    result.taps.push_back({first, last - first, result.weights.size()});
    for (double w : row) {
      const double fixed = (sum != 0 ? w / sum : w) * (1 << kFractionBits);
      result.weights.push_back(static_cast<int32_t>(fixed + (fixed < 0 ? -0.5 : 0.5)));
    }
  }
  return result;
}

uint8_t to_byte(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kFractionBits, 0, 255)); }

Picture resize_rows(const Picture& in, const Taps& taps) {
  const int width = static_cast<int>(taps.taps.size());
  Picture out(width, in.height);
  for (int y = 0; y < in.height; ++y) {
    const uint8_t* source = in.row(y);
    uint8_t* target = out.row(y);
    for (const Tap& tap : taps.taps) {
      int32_t sum[3] = {1 << (kFractionBits - 1), 1 << (kFractionBits - 1), 1 << (kFractionBits - 1)};
      for (int k = 0; k < tap.count; ++k)
        for (int c = 0; c < 3; ++c)
          sum[c] += source[(tap.first + k) * 3 + c] * taps.weights[tap.offset + static_cast<size_t>(k)];
      for (int c = 0; c < 3; ++c) *target++ = to_byte(sum[c]);
    }
  }
  return out;
}

Picture resize_columns(const Picture& in, const Taps& taps) {
  Picture out(in.width, static_cast<int>(taps.taps.size()));
  std::vector<int32_t> sums(static_cast<size_t>(in.width) * 3);
  for (int y = 0; y < out.height; ++y) {
    const Tap& tap = taps.taps[static_cast<size_t>(y)];
    std::fill(sums.begin(), sums.end(), 1 << (kFractionBits - 1));
    for (int k = 0; k < tap.count; ++k) {
      const uint8_t* source = in.row(tap.first + k);
      const int32_t w = taps.weights[tap.offset + static_cast<size_t>(k)];
      for (size_t i = 0; i < sums.size(); ++i) sums[i] += source[i] * w;
    }
    std::transform(sums.begin(), sums.end(), out.row(y), to_byte);
  }
  return out;
}

struct Box {
  double left, top, right, bottom;
};

Picture resample(const Picture& picture, const Box& box, int width, int height, Filter filter) {
  for (int side : {width, height, picture.width, picture.height})
    if (side < 1 || side > kMostPictureSide)
      throw InputError("a picture's side must be 1 to " + std::to_string(kMostPictureSide) + ", not " +
                       std::to_string(side));
  Picture out;
  const Picture* in = &picture;
  if (width != picture.width || box.left != 0 || box.right != picture.width) {
    out = resize_rows(*in, make_taps(picture.width, box.left, box.right, width, filter));
    in = &out;
  }
  if (height != picture.height || box.top != 0 || box.bottom != picture.height)
    return resize_columns(*in, make_taps(picture.height, box.top, box.bottom, height, filter));
  return in == &out ? std::move(out) : picture;
}

}  // namespace

Picture resize(const Picture& picture, int width, int height, Filter filter) {
  return resample(picture, {0, 0, static_cast<double>(picture.width), static_cast<double>(picture.height)},
                  width, height, filter);
}

Fit fit_from_name(std::string_view name) {
  if (name == "cover") return Fit::cover;
  if (name == "stretch") return Fit::stretch;
  throw UsageError("'" + std::string(name) + "' is neither cover nor stretch", "--fit");
}

Picture fit_to(const Picture& picture, int width, int height, Fit fit, Filter filter) {
  const double w = picture.width, h = picture.height;
  Box box{0, 0, w, h};
  if (fit == Fit::cover && width > 0 && height > 0) {
    // The largest box of the wanted aspect ratio, in the middle. Compared in integers so that equal ratios
    // crop nothing.
    const int64_t across = static_cast<int64_t>(picture.width) * height;
    const int64_t down = static_cast<int64_t>(picture.height) * width;
    if (across > down) {
      const double kept = h * width / height;
      box.left = (w - kept) / 2;
      box.right = box.left + kept;
    } else if (across < down) {
      const double kept = w * height / width;
      box.top = (h - kept) / 2;
      box.bottom = box.top + kept;
    }
  }
  return resample(picture, box, width, height, filter);
}

}  // namespace zoetrope
