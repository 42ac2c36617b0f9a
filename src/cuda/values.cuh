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

  // The same from an element on.
  Values from(int64_t element) const {
    return {static_cast<char*>(data) + element * static_cast<int64_t>(size_of(dtype)), dtype};
  }
};

inline Values values_of(const TensorView& view) { return {view.data, view.dtype}; }

// int32 beside int32 is moved as float32: its bits come through a load and a store as they are.
inline Values movable(const TensorView& view) {
  return {view.data, view.dtype == DType::i32 ? DType::f32 : view.dtype};
}

// Threads handle kWide values at a time where rows allow it: 16 bytes of a half type, 32 of float32.
constexpr int kWide = 8;

inline bool is_aligned(const Values& values) { return reinterpret_cast<uintptr_t>(values.data) % 16 == 0; }

// Whether rows of `columns` values that begin at each pointer can be read kWide at a time.
inline bool is_wide(int64_t columns, std::initializer_list<Values> operands) {
  bool wide = columns % kWide == 0;
  for (const Values& v : operands) wide = wide && is_aligned(v);
  return wide;
}

template <int N>
struct Pack {
  float v[N];
};

// N values (1, 2, 4 or 8) as they lie in memory, those of a half type in the first half of the words. A
// thread that wants several packs fetches all of them before it widens one: it then waits for memory once.
// One or two values may lie at any address, more only where is_wide() or the like says so.
template <int N>
struct Bits {
  uint32_t words[N];
};

template <int N>
__device__ inline Bits<N> fetch(const Values& values, int64_t i) {
  static_assert(N == 1 || N == 2 || N == 4 || N == kWide);
  Bits<N> bits;
  if constexpr (N == 1) {
    bits.words[0] = values.dtype == DType::f32 ? static_cast<const uint32_t*>(values.data)[i]
                                               : static_cast<const uint16_t*>(values.data)[i];
  } else if constexpr (N == 2) {
    const uint32_t first = fetch<1>(values, i).words[0], second = fetch<1>(values, i + 1).words[0];
    bits.words[0] = values.dtype == DType::f32 ? first : first | second << 16;
    bits.words[1] = second;
  } else if constexpr (N == 4) {
    if (values.dtype == DType::f32) {
      const uint4 all = *reinterpret_cast<const uint4*>(static_cast<const float*>(values.data) + i);
      bits.words[0] = all.x, bits.words[1] = all.y, bits.words[2] = all.z, bits.words[3] = all.w;
    } else {
      const uint2 all = *reinterpret_cast<const uint2*>(static_cast<const uint16_t*>(values.data) + i);
      bits.words[0] = all.x, bits.words[1] = all.y;
    }
  } else if (values.dtype == DType::f32) {
    const uint4* p = reinterpret_cast<const uint4*>(static_cast<const float*>(values.data) + i);
    const uint4 low = p[0], high = p[1];
    bits.words[0] = low.x, bits.words[1] = low.y, bits.words[2] = low.z, bits.words[3] = low.w;
    bits.words[4] = high.x, bits.words[5] = high.y, bits.words[6] = high.z, bits.words[7] = high.w;
  } else {
    const uint4 all = *reinterpret_cast<const uint4*>(static_cast<const uint16_t*>(values.data) + i);
    bits.words[0] = all.x, bits.words[1] = all.y, bits.words[2] = all.z, bits.words[3] = all.w;
  }
  return bits;
}

template <int N>
__device__ inline Pack<N> widen(DType dtype, const Bits<N>& bits) {
  Pack<N> out;
  if (dtype == DType::f32) {
#pragma unroll
    for (int k = 0; k < N; ++k) out.v[k] = __uint_as_float(bits.words[k]);
  } else if (dtype == DType::bf16) {
#pragma unroll
    for (int k = 0; k < N; ++k)
      out.v[k] = __uint_as_float(k % 2 ? bits.words[k / 2] & 0xFFFF0000u : bits.words[k / 2] << 16);
  } else {
#pragma unroll
    for (int k = 0; k < N; ++k) {
      const uint32_t word = bits.words[k / 2];
      out.v[k] = __half2float(__ushort_as_half(static_cast<uint16_t>(k % 2 ? word >> 16 : word)));
    }
  }
  return out;
}

template <int N>
__device__ inline Pack<N> load(const Values& values, int64_t i) {
  return widen(values.dtype, fetch<N>(values, i));
}

__device__ inline uint32_t narrow_two(DType dtype, float first, float second) {
  if (dtype == DType::bf16) {
    const __nv_bfloat162 two = __floats2bfloat162_rn(first, second);
    return *reinterpret_cast<const uint32_t*>(&two);
  }
  const __half2 two = __floats2half2_rn(first, second);
  return *reinterpret_cast<const uint32_t*>(&two);
}

template <int N>
__device__ inline void store(const Values& values, int64_t i, const Pack<N>& pack) {
  static_assert(N == 1 || N == 2 || N == kWide);
  const auto& v = pack.v;
  if constexpr (N == 2) {
    store<1>(values, i, {v[0]});
    store<1>(values, i + 1, {v[1]});
  } else if constexpr (N == 1) {
    if (values.dtype == DType::f32)
      static_cast<float*>(values.data)[i] = v[0];
    else
      static_cast<uint16_t*>(values.data)[i] = static_cast<uint16_t>(narrow_two(values.dtype, v[0], 0.0f));
  } else if (values.dtype == DType::f32) {
    float4* p = reinterpret_cast<float4*>(static_cast<float*>(values.data) + i);
    p[0] = make_float4(v[0], v[1], v[2], v[3]);
    p[1] = make_float4(v[4], v[5], v[6], v[7]);
  } else {
    const DType type = values.dtype;
    *reinterpret_cast<uint4*>(static_cast<uint16_t*>(values.data) + i) =
        make_uint4(narrow_two(type, v[0], v[1]), narrow_two(type, v[2], v[3]), narrow_two(type, v[4], v[5]),
                   narrow_two(type, v[6], v[7]));
  }
}

}  // namespace zoetrope::cuda
