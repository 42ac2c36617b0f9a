// Number formats of tensors, in files and in memory.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace zoetrope {

enum class DType : uint8_t {
  f32,
  f64,
  bf16,
  f16,
  f8_e4m3,
  f8_e5m2,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean
};

size_t size_of(DType dtype);            // bytes of one element
std::string_view name_of(DType dtype);  // safetensors' spelling: "F32", "BF16", "F8_E4M3", "BOOL", ...
std::optional<DType> dtype_from_name(std::string_view safetensors_name);  // exact, case counts
bool is_floating(DType dtype);

// bf16: the upper half of a float32. Rounds to nearest even; NaN stays NaN (quiet).
inline uint16_t f32_to_bf16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  bits += 0x7FFFu + ((bits >> 16) & 1u);
  return static_cast<uint16_t>(bits >> 16);
}
inline float bf16_to_f32(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

// IEEE half precision. Rounds to nearest even, overflows to infinity, keeps subnormals.
uint16_t f32_to_f16(float value);
float f16_to_f32(uint16_t bits);

// 8-bit floats as OCP defines them: e4m3 (no infinity, S.1111.111 is NaN, largest 448) and e5m2 (IEEE-like).
float f8_e4m3_to_f32(uint8_t bits);
float f8_e5m2_to_f32(uint8_t bits);

// Widens `count` elements of any type to float32 (i64 and f64 are rounded). source need not be aligned.
void widen_to_f32(DType dtype, const void* source, float* destination, size_t count);
// Narrows float32 to a floating type (f32, bf16, f16, f64). Throws InternalError for others.
void narrow_from_f32(DType dtype, const float* source, void* destination, size_t count);
// Rounds each value to the nearest one of the given floating type, in place.
void round_to(DType dtype, float* values, size_t count);

}  // namespace zoetrope
