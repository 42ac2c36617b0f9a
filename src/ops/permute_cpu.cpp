// x -> y, axes in another order, elements of four bytes. Axes that stay together are joined first. Where the
// innermost axis stays innermost, runs are copied. Else two axes matter: `last`, innermost in y, and `first`,
// innermost in x; blocks of 8 x 8 over the two are transposed in registers, all other axes are a loop around.
#include <array>
#include <cstring>

#include "cpu/parallel.h"
#include "cpu/transpose.h"
#include "ops/kernel.h"
#include "ops/permute.h"

namespace zoetrope {
namespace {

struct Axis {
  int64_t extent, in, out;  // strides in elements
};

void copy_run(float* y, const float* x, int64_t n) {
  if (n >= 16) {
    std::memcpy(y, x, static_cast<size_t>(n) * 4);
    return;
  }
  for (int64_t i = 0; i < n; ++i) y[i] = x[i];
}

class PermuteKernel final : public Kernel {
 public:
  std::string_view name() const override { return "avx2 transpose"; }
  bool supports(const NodeView& node) const override { return size_of(node.inputs[0]->dtype) == 4; }
  std::unique_ptr<PreparedKernel> prepare(const NodeView& node, const DeviceSpec&) const override {
    return std::make_unique<Prepared>(node);
  }

 private:
  class Prepared final : public PreparedKernel {
   public:
    explicit Prepared(const NodeView& node) : elements_(node.out().elements()) {
      if (elements_ == 0) return;
      join_axes(node);
      if (count_ == 0) axes_[static_cast<size_t>(count_++)] = {1, 1, 1};
      last_ = axes_[static_cast<size_t>(--count_)];
      if (last_.in == 1) return;  // runs
      Axis* const end = axes_.data() + count_;
      Axis* const first = std::find_if(axes_.data(), end, [](const Axis& axis) { return axis.in == 1; });
      first_ = *first;
      std::copy(first + 1, end, first);
      --count_;
    }

    void launch(const Launch& launch) override {
      if (elements_ == 0) return;
      const auto* x = launch.inputs[0].as<const float>();
      auto* y = launch.outputs[0].as<float>();
      last_.in == 1 ? copy_runs(x, y) : transpose_blocks(x, y);
    }

   private:
    // The axes of y that have more than one element, outermost first; neighbours that are neighbours in x too
    // become one.
    void join_axes(const NodeView& node) {
      const std::vector<int>& order = node.attrs<PermuteAttributes>().axes;
      const Shape &x = node.in(0), &y = node.out();
      for (int i = 0; i < y.rank(); ++i) {
        const int source = order[static_cast<size_t>(i)];
        if (y[i] == 1) continue;
        const Axis axis{y[i], x.elements(source + 1, x.rank()), y.elements(i + 1, y.rank())};
        if (count_ > 0) {
          Axis& before = axes_[static_cast<size_t>(count_ - 1)];
          if (before.in == axis.extent * axis.in) {
            before = {before.extent * axis.extent, axis.in, axis.out};
            continue;
          }
        }
        axes_[static_cast<size_t>(count_++)] = axis;
      }
    }

    // Where combination `index` of the axes around starts in x and y.
    std::pair<int64_t, int64_t> place(int64_t index) const {
      int64_t in = 0, out = 0;
      for (int i = count_ - 1; i >= 0; --i) {
        const Axis& axis = axes_[static_cast<size_t>(i)];
        in += index % axis.extent * axis.in;
        out += index % axis.extent * axis.out;
        index /= axis.extent;
      }
      return {in, out};
    }

    void copy_runs(const float* x, float* y) const {
      const int64_t run = last_.extent;
      parallel_ranges(elements_ / run, std::max<int64_t>(1, 8192 / run), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const auto [in, out] = place(i);
          copy_run(y + out, x + in, run);
        }
      });
    }

    void transpose_blocks(const float* x, float* y) const {
      constexpr int64_t kColumns = 64, kRows = 256;  // of first_ and last_, at a time: 64 KiB
      const int64_t across = (first_.extent + kColumns - 1) / kColumns;
      const int64_t blocks = across * ((last_.extent + kRows - 1) / kRows);
      const int64_t around = elements_ / (first_.extent * last_.extent);
      const int64_t grain =
          std::max<int64_t>(1, 8192 / (std::min(first_.extent, kColumns) * std::min(last_.extent, kRows)));
      parallel_ranges(around * blocks, grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const auto [in, out] = place(i / blocks);
          const int64_t column = i % blocks % across * kColumns, row = i % blocks / across * kRows;
          transpose(x + in + row * last_.in + column, last_.in, y + out + column * first_.out + row,
                    first_.out, std::min(kRows, last_.extent - row),
                    std::min(kColumns, first_.extent - column));
        }
      });
    }

    int64_t elements_;
    std::array<Axis, Shape::kMaxRank> axes_{};  // all but last_ and first_
    int count_ = 0;
    Axis last_{}, first_{};
  };
};

}  // namespace

std::span<const Kernel* const> permute_cpu_kernels() {
  static const PermuteKernel kernel;
  static const Kernel* const list[] = {&kernel};
  return list;
}

}  // namespace zoetrope
