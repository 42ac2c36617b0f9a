// cuBLASLt thinks in columns: a matrix in rows is its transpose in columns, so that it is asked for
// dᵀ (n, m) = w aᵀ, with w as its first operand.
#include "cuda/product.h"

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "cuda/context.h"
#include "cuda/error.h"

namespace zoetrope::cuda {
namespace {

constexpr uint32_t kAligned = 16;  // bytes: what the fast algorithms want

cudaDataType_t library_type(DType type) {
  return type == DType::bf16 ? CUDA_R_16BF : type == DType::f16 ? CUDA_R_16F : CUDA_R_32F;
}

// Bytes of a value, as the alignment that is always there.
uint32_t value_bytes(DType type) { return static_cast<uint32_t>(size_of(type)); }

cublasLtMatrixLayoutOpaque_t layout(DType type, int64_t rows, int64_t columns, int64_t stride) {
  cublasLtMatrixLayoutOpaque_t out;
  check(cublasLtMatrixLayoutInit(&out, library_type(type), static_cast<uint64_t>(columns),
                                 static_cast<uint64_t>(rows), stride == 0 ? columns : stride),
        "cublasLtMatrixLayoutInit");
  return out;
}

void set_batch(cublasLtMatrixLayoutOpaque_t& layout, int64_t batch, int64_t step) {
  const auto count = static_cast<int32_t>(batch);
  check(cublasLtMatrixLayoutSetAttribute(&layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count),
        "CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT");
  check(cublasLtMatrixLayoutSetAttribute(&layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &step,
                                         sizeof step),
        "CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET");
}

template <class T>
void set(cublasLtMatmulDescOpaque_t& description, cublasLtMatmulDescAttributes_t attribute, T value) {
  check(cublasLtMatmulDescSetAttribute(&description, attribute, &value, sizeof value),
        "cublasLtMatmulDescSetAttribute");
}

template <class T>
void set(cublasLtMatmulPreferenceOpaque_t& preference, cublasLtMatmulPreferenceAttributes_t attribute,
         T value) {
  check(cublasLtMatmulPreferenceSetAttribute(&preference, attribute, &value, sizeof value),
        "cublasLtMatmulPreferenceSetAttribute");
}

cublasLtEpilogue_t epilogue_of(const ProductShape& shape) {
  if (shape.gelu) return shape.bias ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_GELU;
  return shape.bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
}

// What was chosen in this process. Models apply the same product once a layer.
std::mutex g_mutex;
std::map<std::string, std::optional<cublasLtMatmulAlgo_t>> g_chosen;

}  // namespace

std::string ProductShape::text() const {
  return fmt::format("product {}x{}x{} {}->{}{}{}{}{} strides {},{},{} batch {},{},{},{}", m, n, k,
                     name_of(in), name_of(out), w_in_columns ? " columns" : "", bias ? " bias" : "",
                     residual ? " residual" : "", gelu ? " gelu" : "", a_stride, w_stride, d_stride, batch,
                     a_step, w_step, d_step);
}

size_t product_workspace(const DeviceSpec& device) {
  return size_t{device.compute_capability >= 90 ? 32u : 8u} << 20;
}

Product::Product(const ProductShape& shape, const DeviceSpec& device)
    : shape_(shape), workspace_bytes_(product_workspace(device)), descriptors_(describe(shape.m)) {
  if (shape.gelu && shape.residual) throw InternalError("a product's residual comes after its activation");
  const int64_t rows = shape.rows_of_all == 0 ? shape.m : shape.rows_of_all;
  aligned_ = choose(rows, kAligned);
  unaligned_ = choose(rows, 1);
  if (!aligned_) aligned_ = unaligned_;
  if (!unaligned_) unaligned_ = aligned_;
  if (!aligned_)
    throw DeviceError("cuBLASLt has no algorithm for " + shape.text(), device.name,
                      "take a release of CUDA that the README names");
}

Product::Descriptors Product::describe(int64_t rows) const {
  const ProductShape& s = shape_;
  Descriptors out;
  check(cublasLtMatmulDescInit(&out.product, CUBLAS_COMPUTE_32F, CUDA_R_32F), "cublasLtMatmulDescInit");
  set(out.product, CUBLASLT_MATMUL_DESC_TRANSA, s.w_in_columns ? CUBLAS_OP_N : CUBLAS_OP_T);
  set(out.product, CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue_of(s));
  // No address yet, but one that tells how the bias will be aligned.
  if (s.bias) set(out.product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, reinterpret_cast<const void*>(kAligned));
  out.a = layout(s.in, rows, s.k, s.a_stride);
  out.w = s.w_in_columns ? layout(s.in, s.k, s.n, s.w_stride) : layout(s.in, s.n, s.k, s.w_stride);
  out.d = layout(s.out, rows, s.n, s.d_stride);
  if (s.batch != 1) {
    set_batch(out.a, s.batch, s.a_step);
    set_batch(out.w, s.batch, s.w_step);
    set_batch(out.d, s.batch, s.d_step);
  }
  return out;
}

// The heuristic's first for operands that lie at multiples of so many bytes (at least of their values'), or
// for as many rows as this product has where that cannot take them.
std::optional<cublasLtMatmulAlgo_t> Product::choose(int64_t rows, uint32_t alignment) const {
  ProductShape whole = shape_;
  whole.m = rows;
  const std::string key = fmt::format("{} alignment {}", whole.text(), alignment);
  std::optional<cublasLtMatmulAlgo_t> algorithm;
  {
    const std::lock_guard lock(g_mutex);
    const auto known = g_chosen.find(key);
    algorithm = known != g_chosen.end() ? known->second : (g_chosen[key] = ask(rows, alignment));
  }
  if (rows == shape_.m || !algorithm) return algorithm;
  Descriptors part = descriptors_;
  cublasLtMatmulHeuristicResult_t result{};
  const bool fits = cublasLtMatmulAlgoCheck(context().blas, &part.product, &part.w, &part.a, &part.d, &part.d,
                                            &*algorithm, &result) == CUBLAS_STATUS_SUCCESS &&
                    result.workspaceSize <= workspace_bytes_;
  return fits ? algorithm : choose(shape_.m, alignment);
}

std::optional<cublasLtMatmulAlgo_t> Product::ask(int64_t rows, uint32_t alignment) const {
  cublasLtMatmulPreferenceOpaque_t preference;
  check(cublasLtMatmulPreferenceInit(&preference), "cublasLtMatmulPreferenceInit");
  set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<uint64_t>(workspace_bytes_));
  // A sum in parts is added up in float32, never in a half type.
  set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
      static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  const uint32_t in = std::max(alignment, value_bytes(shape_.in)),
                 out = std::max(alignment, value_bytes(shape_.out));
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, in);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, in);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, out);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, out);
  Descriptors all = describe(rows);
  cublasLtMatmulHeuristicResult_t result{};
  int found = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
      context().blas, &all.product, &all.w, &all.a, &all.d, &all.d, &preference, 1, &result, &found);
  if (status != CUBLAS_STATUS_SUCCESS || found == 0 || result.state != CUBLAS_STATUS_SUCCESS)
    return std::nullopt;
  return result.algo;
}

bool Product::is_aligned(const ProductOperands& o) const {
  uintptr_t all = reinterpret_cast<uintptr_t>(o.a) | reinterpret_cast<uintptr_t>(o.w) |
                  reinterpret_cast<uintptr_t>(o.residual) | reinterpret_cast<uintptr_t>(o.d);
  all |= static_cast<uintptr_t>(shape_.a_step | shape_.w_step) * size_of(shape_.in);
  all |= static_cast<uintptr_t>(shape_.d_step) * size_of(shape_.out);
  return all % kAligned == 0;
}

void Product::run(cudaStream_t stream, const ProductOperands& operands) const {
  Descriptors with = descriptors_;
  if (shape_.bias) set(with.product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, operands.bias);
  const float beta = shape_.residual ? 1.0f : 0.0f;
  const void* c = shape_.residual ? operands.residual : operands.d;
  const cublasLtMatmulAlgo_t& algorithm = is_aligned(operands) ? *aligned_ : *unaligned_;
  check(cublasLtMatmul(context().blas, &with.product, &shape_.scale, operands.w, &with.w, operands.a, &with.a,
                       &beta, c, &with.d, operands.d, &with.d, &algorithm, operands.workspace,
                       workspace_bytes_, stream),
        "cublasLtMatmul");
}

}  // namespace zoetrope::cuda
