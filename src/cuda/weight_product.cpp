// The library wants both factors of one type, and bias and residual of the result's: what is of another is
// converted first, a weight in blocks of rows and x in chunks, so that no whole copy exists.
#include "cuda/weight_product.h"

#include <algorithm>

#include "cuda/convert.h"
#include "cuda/parts.h"

namespace zoetrope::cuda {
namespace {

constexpr int64_t kConvertedBytes = int64_t{64} << 20;  // of a weight or of x that are converted at a time
constexpr int64_t kRowsOfTile = 128;

int64_t rows_at_a_time(int64_t rows, int64_t k, DType type) {
  const int64_t row_bytes = std::max<int64_t>(k, 1) * static_cast<int64_t>(size_of(type));
  const int64_t most = kConvertedBytes / row_bytes / kRowsOfTile * kRowsOfTile;
  return std::min(rows, std::max(most, kRowsOfTile));
}

int64_t last_part(int64_t whole, int64_t part) { return whole - (whole - 1) / part * part; }

}  // namespace

int64_t rows_of_chunk(const WeightShape& s) {
  const DType type = product_type(s.x, s.weight, s.out);
  return s.x == type ? s.rows : rows_at_a_time(s.rows, s.k, type);
}

// Sizes, and where the converted operands lie in `own`.
struct WeightProduct::Plan {
  explicit Plan(const WeightShape& s) : type(product_type(s.x, s.weight, s.out)), block(s.n) {
    const bool converts = s.weight != type;
    if (converts) block = rows_at_a_time(s.n, s.k, type);
    Parts parts;
    x = parts.take(s.x != type ? static_cast<size_t>(s.chunk * s.k) * size_of(type) : 0);
    weight = parts.take(converts ? static_cast<size_t>(block * s.k) * size_of(type) : 0);
    bias = parts.take(s.bias ? static_cast<size_t>(s.n) * size_of(s.out) : 0);
    bytes = parts.end;
  }
  DType type;
  int64_t block;  // rows of the weight that are multiplied at a time
  size_t x, weight, bias, bytes;
};

WeightProduct::WeightProduct(const WeightShape& shape, const DeviceSpec& device) : shape_(shape) {
  if (shape.rows == 0 || shape.n == 0) return;
  const Plan plan(shape);
  for (int64_t rows : {shape.chunk, last_part(shape.rows, shape.chunk)})
    for (int64_t n : {plan.block, last_part(shape.n, plan.block)})
      products_.emplace_back(ProductShape{.m = rows,
                                          .n = n,
                                          .k = shape.k,
                                          .in = plan.type,
                                          .out = shape.out,
                                          .scale = shape.scale,
                                          .bias = shape.bias,
                                          .residual = shape.residual,
                                          .gelu = shape.gelu,
                                          .d_stride = shape.n,
                                          .rows_of_all = shape.rows},
                             device);
}

size_t WeightProduct::own_workspace(const WeightShape& shape) { return Plan(shape).bytes; }

void WeightProduct::begin(cudaStream_t stream, const Fixed& fixed) const {
  const Plan plan(shape_);
  if (shape_.bias)
    convert(stream, fixed.bias.dtype, fixed.bias.data, shape_.out, part(fixed.own, plan.bias), shape_.n);
  if (shape_.weight != plan.type && plan.block == shape_.n)
    convert(stream, shape_.weight, fixed.weight.data, plan.type, part(fixed.own, plan.weight),
            shape_.n * shape_.k);
}

void WeightProduct::run(cudaStream_t stream, const Fixed& fixed, Rows rows) const {
  const Plan plan(shape_);
  if (shape_.x != plan.type) {
    convert(stream, shape_.x, rows.x, plan.type, part(fixed.own, plan.x), rows.count * shape_.k);
    rows.x = part(fixed.own, plan.x);
  }
  if (shape_.residual && shape_.residual_type != shape_.out) {
    convert(stream, shape_.residual_type, rows.residual, shape_.out, rows.y, rows.count * shape_.n);
    rows.residual = rows.y;
  }
  for (int64_t first = 0; first < shape_.n; first += plan.block) run_block(stream, fixed, rows, first);
}

void WeightProduct::run_all(cudaStream_t stream, const Fixed& fixed, const Whole& whole) const {
  begin(stream, fixed);
  for (int64_t row = 0; row < shape_.rows; row += shape_.chunk)
    run(stream, fixed,
        {.count = std::min(shape_.chunk, shape_.rows - row),
         .x = advanced(whole.x, row * shape_.k),
         .residual = advanced(whole.residual, row * shape_.n),
         .y = advanced(whole.y, row * shape_.n)});
}

// The columns of y that the weight's rows from `first` on make.
void WeightProduct::run_block(cudaStream_t stream, const Fixed& fixed, const Rows& rows,
                              int64_t first) const {
  const Plan plan(shape_);
  const int64_t count = std::min(plan.block, shape_.n - first);
  const void* weight = advanced(fixed.weight, first * shape_.k);
  if (shape_.weight != plan.type) {
    char* converted = part(fixed.own, plan.weight);
    if (plan.block != shape_.n)
      convert(stream, shape_.weight, weight, plan.type, converted, count * shape_.k);
    weight = converted;
  }
  const size_t column = static_cast<size_t>(first) * size_of(shape_.out);
  const size_t which = (rows.count == shape_.chunk ? 0 : 2) + (count == plan.block ? 0 : 1);
  products_[which].run(
      stream, {.a = rows.x,
               .w = weight,
               .bias = part(fixed.own, plan.bias + column),
               .residual = shape_.residual ? static_cast<const char*>(rows.residual) + column : nullptr,
               .d = part(rows.y, column),
               .workspace = fixed.library});
}

}  // namespace zoetrope::cuda
