// Values of any floating type as kernels see them: read as float32, written rounded to nearest. The type is
// a run-time field, the same for a whole launch, so that one kernel serves every mix of types: its branch
// costs nothing beside the memory access.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

#include "base/tensor.h"

namespace zoetrope::cuda {

// A tensor's bytes. data == nullptr: an absent operand.
struct Values {
  void* data = nullptr;
  DType dtype = DType::f32;
};

inline Values values_of(const TensorView& view) { return {view.data, view.dtype}; }

// Threads handle kWide values at a time where rows allow it: 16 bytes of a half type, 32 of float32.
constexpr int kWide = 8;

// Whether rows of `columns` values that begin at each pointer can be read kWide at a time.
inline bool is_wide(int64_t columns, std::initializer_list<Values> operands) {
  bool wide = columns % kWide == 0;
  for (const Values& v : operands) wide = wide && reinterpret_cast<uintptr_t>(v.data) % 16 == 0;
  return wide;
}

template <int N>
struct Pack {
  float v[N];
};

template <int N>
__device__ inline Pack<N> load(const Values& values, int64_t i) {
  Pack<N> out;
  if (values.dtype == DType::f32) {
    const float* p = static_cast<const float*>(values.data) + i;
    if constexpr (N == 1) {
      out.v[0] = *p;
    } else {
#pragma unroll
      for (int k = 0; k < N; k += 4) {
        const float4 four = *reinterpret_cast<const float4*>(p + k);
        out.v[k] = four.x, out.v[k + 1] = four.y, out.v[k + 2] = four.z, out.v[k + 3] = four.w;
      }
    }
    return out;
  }
  const uint16_t* p = static_cast<const uint16_t*>(values.data) + i;
  uint16_t bits[N];
  if constexpr (N == 1)
    bits[0] = *p;
  else
    *reinterpret_cast<uint4*>(bits) = *reinterpret_cast<const uint4*>(p);
#pragma unroll
  for (int k = 0; k < N; ++k)
    out.v[k] = values.dtype == DType::bf16 ? __uint_as_float(static_cast<uint32_t>(bits[k]) << 16)
                                           : __half2float(__ushort_as_half(bits[k]));
  return out;
}

template <int N>
__device__ inline void store(const Values& values, int64_t i, const Pack<N>& pack) {
  if (values.dtype == DType::f32) {
    float* p = static_cast<float*>(values.data) + i;
    if constexpr (N == 1) {
      *p = pack.v[0];
    } else {
#pragma unroll
      for (int k = 0; k < N; k += 4)
        *reinterpret_cast<float4*>(p + k) =
            make_float4(pack.v[k], pack.v[k + 1], pack.v[k + 2], pack.v[k + 3]);
    }
    return;
  }
  uint16_t bits[N];
#pragma unroll
  for (int k = 0; k < N; ++k)
    bits[k] = values.dtype == DType::bf16 ? __bfloat16_as_ushort(__float2bfloat16_rn(pack.v[k]))
                                          : __half_as_ushort(__float2half_rn(pack.v[k]));
  uint16_t* p = static_cast<uint16_t*>(values.data) + i;
  if constexpr (N == 1)
    *p = bits[0];
  else
    *reinterpret_cast<uint4*>(p) = *reinterpret_cast<uint4*>(bits);
}

}  // namespace zoetrope::cuda
