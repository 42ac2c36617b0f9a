// a, b -> y, shapes broadcast. Neighbouring axes in which both operands go on evenly are joined; what is left
// is a loop over rows in which each operand is a run or a single repeated element.
#include <array>

#include "cpu/elementwise.h"
#include "cpu/parallel.h"
#include "ops/binary.h"
#include "ops/kernel.h"

namespace zoetrope {
namespace {

struct Axis {
  int64_t extent, a_stride, b_stride;  // in elements
};

// The axes of y, innermost first, joined where they can be. Returns their number.
int join_axes(const Shape& a, const Shape& b, const Shape& y, std::array<Axis, Shape::kMaxRank>& axes) {
  int count = 0;
  int64_t a_step = 1, b_step = 1;
  for (int back = 1; back <= y.rank(); ++back) {
    const int64_t extent = y[-back];
    const int64_t a_extent = back <= a.rank() ? a[-back] : 1, b_extent = back <= b.rank() ? b[-back] : 1;
    const Axis axis{extent, a_extent == 1 ? 0 : a_step, b_extent == 1 ? 0 : b_step};
    a_step *= a_extent, b_step *= b_extent;
    if (extent == 1) continue;
    if (count > 0) {
      Axis& inner = axes[static_cast<size_t>(count - 1)];
      if (axis.a_stride == inner.extent * inner.a_stride && axis.b_stride == inner.extent * inner.b_stride) {
        inner.extent *= extent;
        continue;
      }
    }
    axes[static_cast<size_t>(count++)] = axis;
  }
  if (count == 0) axes[static_cast<size_t>(count++)] = {1, 1, 1};
  return count;
}

template <class F>
void run_row(const float* a, bool a_runs, const float* b, bool b_runs, float* y, int64_t n, const F& f) {
  if (a_runs && b_runs) return zip8(a, b, y, n, f);
  if (a_runs) {
    const __m256 one = _mm256_set1_ps(*b);
    return map8(a, y, n, [&](__m256 v) { return f(v, one); });
  }
  const __m256 one = _mm256_set1_ps(*a);
  map8(b, y, n, [&](__m256 v) { return f(one, v); });
}

class BinaryKernel final : public Kernel {
 public:
  std::string_view name() const override { return "avx2 elementwise"; }
  bool supports(const NodeView& node) const override {
    return node.inputs[0]->dtype == DType::f32 && node.inputs[1]->dtype == DType::f32;
  }
  std::unique_ptr<PreparedKernel> prepare(const NodeView& node, const DeviceSpec&) const override {
    return std::make_unique<Prepared>(node);
  }

 private:
  class Prepared final : public PreparedKernel {
   public:
    explicit Prepared(const NodeView& node)
        : kind_(node.attrs<BinaryAttributes>().kind),
          elements_(node.out().elements()),
          count_(join_axes(node.in(0), node.in(1), node.out(), axes_)) {}

    void launch(const Launch& launch) override {
      const auto add = [](__m256 a, __m256 b) { return _mm256_add_ps(a, b); };
      const auto subtract = [](__m256 a, __m256 b) { return _mm256_sub_ps(a, b); };
      const auto multiply = [](__m256 a, __m256 b) { return _mm256_mul_ps(a, b); };
      // min and max return their second operand where either is NaN: NaN in `a` is put back.
      const auto keep_nan = [](__m256 a, __m256 v) {
        return _mm256_blendv_ps(v, a, _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
      };
      const auto minimum = [&](__m256 a, __m256 b) { return keep_nan(a, _mm256_min_ps(a, b)); };
      const auto maximum = [&](__m256 a, __m256 b) { return keep_nan(a, _mm256_max_ps(a, b)); };
      switch (kind_) {
        case BinaryKind::add:
          return run(launch, add);
        case BinaryKind::subtract:
          return run(launch, subtract);
        case BinaryKind::multiply:
          return run(launch, multiply);
        case BinaryKind::minimum:
          return run(launch, minimum);
        case BinaryKind::maximum:
          return run(launch, maximum);
      }
    }

   private:
    template <class F>
    void run(const Launch& launch, const F& f) const {
      const auto *a = launch.inputs[0].as<const float>(), *b = launch.inputs[1].as<const float>();
      auto* y = launch.outputs[0].as<float>();
      const Axis inner = axes_[0];
      if (count_ == 1)
        return parallel_ranges(elements_, 4096, [&](int64_t first, int64_t last) {
          run_row(a + first * inner.a_stride, inner.a_stride != 0, b + first * inner.b_stride,
                  inner.b_stride != 0, y + first, last - first, f);
        });
      if (elements_ == 0) return;
      parallel_ranges(elements_ / inner.extent, std::max<int64_t>(1, 4096 / inner.extent),
                      [&](int64_t first, int64_t last) {
                        for (int64_t row = first; row < last; ++row) {
                          int64_t rest = row, a_at = 0, b_at = 0;
                          for (int i = 1; i < count_; ++i) {
                            const Axis& axis = axes_[static_cast<size_t>(i)];
                            a_at += rest % axis.extent * axis.a_stride;
                            b_at += rest % axis.extent * axis.b_stride;
                            rest /= axis.extent;
                          }
                          run_row(a + a_at, inner.a_stride != 0, b + b_at, inner.b_stride != 0,
                                  y + row * inner.extent, inner.extent, f);
                        }
                      });
    }

    BinaryKind kind_;
    int64_t elements_;
    std::array<Axis, Shape::kMaxRank> axes_;
    int count_;
  };
};

}  // namespace

std::span<const Kernel* const> binary_cpu_kernels() {
  static const BinaryKernel kernel;
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
