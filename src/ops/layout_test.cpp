// The ops that move elements and compute nothing: slice, concat, permute, pad, repeat, write_state,
// upsample_nearest. Each is compared element by element, by index, so one element in the wrong place fails.
#include <gtest/gtest.h>

#include <array>

#include "ops/concat.h"
#include "ops/op_case.h"
#include "ops/pad.h"
#include "ops/permute.h"
#include "ops/repeat.h"
#include "ops/slice.h"
#include "ops/upsample_nearest.h"
#include "ops/write_state.h"

namespace zoetrope {
namespace {

using Index = std::vector<int64_t>;

int64_t offset(const Shape& shape, const Index& index) {
  int64_t at = 0;
  for (int i = 0; i < shape.rank(); ++i) at = at * shape[i] + index[static_cast<size_t>(i)];
  return at;
}

// Calls check(index) for every element of a shape.
void for_each(const Shape& shape, const std::function<void(const Index&)>& check) {
  Index index(static_cast<size_t>(shape.rank()));
  for (int64_t i = 0; i < shape.elements(); ++i) {
    int64_t rest = i;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      index[static_cast<size_t>(axis)] = rest % shape[axis];
      rest /= shape[axis];
    }
    check(index);
  }
}

// Elements that all differ: the number of the element. The half types hold no such numbers; there those
// differ whose distance is no multiple of 251, a prime.
HostTensor numbered(const Shape& shape, DType dtype = DType::f32) {
  const int64_t period = stored_type() == DType::f32 ? shape.elements() : 251;
  HostTensor t(dtype, shape);
  for (int64_t i = 0; i < t.elements(); ++i)
    if (dtype == DType::f32)
      t.f32()[static_cast<size_t>(i)] = static_cast<float>(i % period + 1);
    else
      t.i32()[static_cast<size_t>(i)] = static_cast<int32_t>(i + 1);
  return t;
}

float at(const HostTensor& t, const Index& index) {
  return t.f32()[static_cast<size_t>(offset(t.shape(), index))];
}

// Runs y = build(x) on numbered elements and expects y[index] = x[source(index)], or 0 where source gives
// none.
void expect_moved(const Shape& shape, const std::function<Tensor(Tensor)>& build,
                  const std::function<Index(Index)>& source) {
  const HostTensor x = numbered(shape);
  const OpRun run = run_case(
      {"layout", [&](Graph& g) { g.output("y", build(g.input("x", DType::f32, shape))); }, {{"x", x}}});
  const HostTensor& y = run.outputs.at("y");
  for_each(y.shape(), [&](const Index& index) {
    const Index from = source(index);
    ASSERT_EQ(at(y, index), from.empty() ? 0.0f : at(x, from))
        << shape.text() << " at " << offset(y.shape(), index);
  });
}

TEST(Slice, TakesARangeOfAnyAxis) {
  for (int axis : {0, 1, 2, -1})
    for (const Shape& shape : {Shape{4, 5, 6}, Shape{1, 5, 6}, Shape{1, 1, 70000}, Shape{3, 4, 40000}}) {
      if (shape[axis] < 4) continue;
      expect_moved(
          shape, [&](Tensor x) { return slice(x, axis, 1, 3); },
          [&](Index i) {
            i[static_cast<size_t>(axis < 0 ? axis + 3 : axis)] += 1;
            return i;
          });
    }
}

TEST(Slice, IsAViewWhereItIsOneRange) {
  Graph g("g");
  slice(g.input("a", DType::f32, {1, 4, 6}), 1, 2, 2);
  slice(g.input("b", DType::f32, {2, 4, 6}), 1, 2, 2);
  EXPECT_EQ(slice_op().view_offset(g.view(g.nodes()[0])), 2 * 6 * 4);
  EXPECT_EQ(slice_op().view_offset(g.view(g.nodes()[1])), std::nullopt);
}

TEST(Slice, RefusesWhatLiesOutside) {
  Graph g("g");
  Tensor x = g.input("x", DType::f32, {2, 4});
  EXPECT_THROW(slice(x, 1, 2, 3), GraphError);
  EXPECT_THROW(slice(x, 1, -1, 2), GraphError);
  EXPECT_THROW(slice(x, 2, 0, 1), GraphError);
  EXPECT_THROW(slice(x, 0, INT64_MAX, 2), GraphError);
}

TEST(Concat, PutsPartsSideBySide) {
  for (int form = 0; form < 6; ++form) {
    const int axis = form % 3;
    Shape a{3, 4, form < 3 ? 5 : 16}, b = a, c = a;
    b[axis] = form == 5 ? 8 : 2, c[axis] = form == 5 ? 24 : 7;
    const int64_t second = b[axis];
    const HostTensor values[] = {numbered(a), numbered(b), numbered(c)};
    const OpRun run =
        run_case({"concat",
                  [&](Graph& g) {
                    g.output("y", concat({g.input("a", DType::f32, a), g.input("b", DType::f32, b),
                                          g.input("c", DType::f32, c)},
                                         axis));
                  },
                  {{"a", values[0]}, {"b", values[1]}, {"c", values[2]}}});
    const HostTensor& y = run.outputs.at("y");
    ASSERT_EQ(y.shape()[axis], a[axis] + second + c[axis]);
    for_each(y.shape(), [&](Index index) {
      const float found = at(y, index);
      int64_t& place = index[static_cast<size_t>(axis)];
      const int part = place < a[axis] ? 0 : place < a[axis] + second ? 1 : 2;
      place -= part == 0 ? 0 : part == 1 ? a[axis] : a[axis] + second;
      ASSERT_EQ(found, at(values[part], index));
    });
  }
  Graph g("g");
  EXPECT_THROW(concat({g.input("a", DType::f32, {2, 3}), g.input("b", DType::f32, {3, 4})}, 0), GraphError);
}

TEST(Permute, PutsAxesInAnyOrder) {
  const std::pair<Shape, std::vector<int>> cases[] = {
      {{2, 3, 4}, {0, 1, 2}},
      {{2, 3, 4}, {2, 1, 0}},
      {{1, 7, 1, 9}, {3, 2, 1, 0}},
      {{2, 19, 3, 5, 7}, {0, 2, 3, 4, 1}},   // (B, C, F, H, W) -> (B, F, H, W, C)
      {{2, 3, 5, 17, 11}, {0, 4, 1, 2, 3}},  // and back
      {{1, 3, 2, 40, 50}, {0, 2, 3, 4, 1}},
      {{1, 2, 40, 50, 67}, {0, 4, 1, 2, 3}},
      {{1, 3, 2, 4, 2, 6, 2, 5}, {0, 1, 3, 5, 2, 4, 6, 7}},
      {{2, 3, 2, 3, 2, 3, 2, 3}, {7, 3, 5, 1, 6, 2, 4, 0}},
      {{2, 3, 4, 5, 2, 2, 2, 16}, {0, 7, 1, 4, 2, 5, 3, 6}},  // patches back to frames
      {{129, 130}, {1, 0}},
      {{7, 33, 24}, {1, 0, 2}},
      {{1, 3, 5, 4, 2, 96}, {0, 1, 4, 2, 3, 5}},  // doubled frames
      {{3, 70, 5, 66}, {0, 3, 2, 1}},
      {{1, 1, 1}, {2, 0, 1}},
  };
  for (const auto& one : cases) {
    const std::vector<int>& axes = one.second;
    expect_moved(
        one.first, [&](Tensor x) { return permute(x, axes); },
        [&](const Index& index) {
          Index from(index.size());
          for (size_t i = 0; i < index.size(); ++i) from[static_cast<size_t>(axes[i])] = index[i];
          return from;
        });
  }
}

TEST(Permute, TakesIntegersAndRefusesBadAxes) {
  const OpRun run = run_case({"permute",
                              [](Graph& g) {
                                g.output("y", permute(g.input("x", DType::i32, {11, 13}), {1, 0}));
                              },
                              {{"x", numbered({11, 13}, DType::i32)}}});
  HostTensor y = run.outputs.at("y");
  EXPECT_EQ(y.i32()[11 * 4 + 3], 13 * 3 + 4 + 1);
  Graph g("g");
  Tensor x = g.input("x", DType::f32, {2, 3});
  EXPECT_THROW(permute(x, {0, 0}), GraphError);
  EXPECT_THROW(permute(x, {0, 2}), GraphError);
  EXPECT_THROW(permute(x, {0}), GraphError);
}

TEST(Pad, PutsZerosAround) {
  for (const Shape& shape : {Shape{3, 4, 5}, Shape{3, 4, 16}})
    for (int axis : {0, 1, 2})
      expect_moved(
          shape, [&](Tensor x) { return pad(x, axis, 2, 1); },
          [&](Index i) {
            int64_t& place = i[static_cast<size_t>(axis)];
            place -= 2;
            return place < 0 || place >= shape[axis] ? Index{} : i;
          });
  Graph g("g");
  EXPECT_THROW(pad(g.input("x", DType::f32, {2}), 0, -1, 0), GraphError);
}

TEST(Repeat, RepeatsEachElementInPlace) {
  for (const Shape& shape : {Shape{3, 4, 5}, Shape{3, 4, 16}})
    for (int axis : {0, 1, 2, -1})
      expect_moved(
          shape, [&](Tensor x) { return repeat(x, axis, 3); },
          [&](Index i) {
            i[static_cast<size_t>(axis < 0 ? axis + 3 : axis)] /= 3;
            return i;
          });
  Graph g("g");
  EXPECT_THROW(repeat(g.input("x", DType::f32, {2}), 0, 0), GraphError);
}

TEST(UpsampleNearest, RepeatsPixelsInSquares) {
  for (int64_t channels : {1, 3, 16})
    expect_moved(
        {2, 3, 5, 7, channels}, [](Tensor x) { return upsample_nearest(x, 2, 3); },
        [](Index i) {
          i[2] /= 2, i[3] /= 3;
          return i;
        });
  Graph g("g");
  EXPECT_THROW(upsample_nearest(g.input("x", DType::f32, {2, 3, 4, 5})), GraphError);
}

TEST(WriteState, WritesRowsAtThePosition) {
  for (int form = 0; form < 6; ++form) {
    const int32_t position = std::array{0, 2, 5}[static_cast<size_t>(form % 3)];
    const int64_t width = form < 3 ? 3 : 16;
    HostTensor place(DType::i32, {1});
    place.i32()[0] = position;
    const HostTensor state = numbered({2, 9, width});
    const OpRun run = run_case({"write_state",
                                [=](Graph& g) {
                                  write_state(g.state("cache", DType::f32, {2, 9, width}),
                                              g.input("rows", DType::f32, {2, 3, width}), 1, 1,
                                              g.input("position", DType::i32, {1}));
                                },
                                {{"cache", state}, {"position", place}}});
    const HostTensor &after = run.states.at("cache"), &rows = run.inputs.at("rows");
    for_each(state.shape(), [&](Index index) {
      const int64_t row = index[1] - 1 - position;
      const float found = at(after, index), before = at(state, index);
      index[1] = row;
      ASSERT_EQ(found, row >= 0 && row < 3 ? at(rows, index) : before);
    });
  }
}

// A position from outside that is wrong writes no byte outside the state (run_case guards it).
TEST(WriteState, NeverWritesOutside) {
  for (int32_t position : {-100, -2, 8, 1 << 30}) {
    HostTensor place(DType::i32, {1});
    place.i32()[0] = position;
    EXPECT_NO_THROW(run_case({"write_state",
                              [](Graph& g) {
                                write_state(g.state("cache", DType::f32, {2, 9, 3}),
                                            g.input("rows", DType::f32, {2, 3, 3}), 1, 0,
                                            g.input("position", DType::i32, {1}));
                              },
                              {{"position", place}}}));
  }
  Graph g("g");
  Tensor state = g.state("s", DType::f32, {1, 4, 2});
  EXPECT_THROW(write_state(state, g.input("a", DType::f32, {1, 2, 2}), 1, 3), GraphError);
  EXPECT_THROW(write_state(state, g.input("b", DType::f32, {1, 2, 3}), 1), GraphError);
}

}  // namespace
}  // namespace zoetrope
