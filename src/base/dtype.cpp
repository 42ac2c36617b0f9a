#include "base/dtype.h"

#include <immintrin.h>

#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "base/error.h"

namespace zoetrope {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
  size_t bytes;
};
constexpr std::array<Row, 15> kRows = {{{DType::f32, "F32", 4},
                                        {DType::f64, "F64", 8},
                                        {DType::bf16, "BF16", 2},
                                        {DType::f16, "F16", 2},
                                        {DType::f8_e4m3, "F8_E4M3", 1},
                                        {DType::f8_e5m2, "F8_E5M2", 1},
                                        {DType::i64, "I64", 8},
                                        {DType::i32, "I32", 4},
                                        {DType::i16, "I16", 2},
                                        {DType::i8, "I8", 1},
                                        {DType::u64, "U64", 8},
                                        {DType::u32, "U32", 4},
                                        {DType::u16, "U16", 2},
                                        {DType::u8, "U8", 1},
                                        {DType::boolean, "BOOL", 1}}};

const Row& row(DType dtype) { return kRows[static_cast<size_t>(dtype)]; }

// Builds the value of an 8-bit float with the given exponent width; the caller handles infinities and NaN.
float small_float(uint8_t bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  const float scale = 1.0f / static_cast<float>(1 << mantissa_bits);
  const float magnitude = exponent == 0
                              ? std::ldexp(static_cast<float>(mantissa) * scale, 1 - bias)
                              : std::ldexp(1.0f + static_cast<float>(mantissa) * scale, exponent - bias);
  return bits & 0x80 ? -magnitude : magnitude;
}

std::array<float, 256> e4m3_table() {
  std::array<float, 256> table{};
  for (int i = 0; i < 256; ++i)
    table[i] = (i & 0x7F) == 0x7F ? std::numeric_limits<float>::quiet_NaN()
                                  : small_float(static_cast<uint8_t>(i), 4, 3);
  return table;
}

std::array<float, 256> e5m2_table() {
  std::array<float, 256> table{};
  for (int i = 0; i < 256; ++i) {
    const float infinity = std::numeric_limits<float>::infinity();
    if ((i & 0x7C) != 0x7C)
      table[i] = small_float(static_cast<uint8_t>(i), 5, 2);
    else
      table[i] = (i & 3) ? std::numeric_limits<float>::quiet_NaN() : (i & 0x80 ? -infinity : infinity);
  }
  return table;
}

template <class Source>
void widen_each(const void* source, float* destination, size_t count) {
  const auto* bytes = static_cast<const uint8_t*>(source);
  for (size_t i = 0; i < count; ++i) {
    Source value;
    std::memcpy(&value, bytes + i * sizeof(Source), sizeof(Source));
    destination[i] = static_cast<float>(value);
  }
}

void widen_f16(const void* source, float* destination, size_t count) {
  const auto* bytes = static_cast<const uint8_t*>(source);
  size_t i = 0;
  for (; i + 8 <= count; i += 8)
    _mm256_storeu_ps(destination + i,
                     _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 2 * i))));
  for (; i < count; ++i) {
    uint16_t half;
    std::memcpy(&half, bytes + 2 * i, 2);
    destination[i] = f16_to_f32(half);
  }
}

void widen_bf16(const void* source, float* destination, size_t count) {
  const auto* bytes = static_cast<const uint8_t*>(source);
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256i wide =
        _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 2 * i)));
    _mm256_storeu_ps(destination + i, _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16)));
  }
  for (; i < count; ++i) {
    uint16_t half;
    std::memcpy(&half, bytes + 2 * i, 2);
    destination[i] = bf16_to_f32(half);
  }
}

}  // namespace

size_t size_of(DType dtype) { return row(dtype).bytes; }
std::string_view name_of(DType dtype) { return row(dtype).name; }

std::optional<DType> dtype_from_name(std::string_view safetensors_name) {
  for (const Row& r : kRows)
    if (r.name == safetensors_name) return r.dtype;
  return std::nullopt;
}

bool is_floating(DType dtype) { return dtype <= DType::f8_e5m2; }

uint16_t f32_to_f16(float value) {
  return static_cast<uint16_t>(_cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT));
}
float f16_to_f32(uint16_t bits) { return _cvtsh_ss(bits); }

float f8_e4m3_to_f32(uint8_t bits) {
  static const std::array<float, 256> table = e4m3_table();
  return table[bits];
}

float f8_e5m2_to_f32(uint8_t bits) {
  static const std::array<float, 256> table = e5m2_table();
  return table[bits];
}

void widen_to_f32(DType dtype, const void* source, float* destination, size_t count) {
  const auto* bytes = static_cast<const uint8_t*>(source);
  switch (dtype) {
    case DType::f32:
      std::memcpy(destination, source, count * 4);
      return;
    case DType::bf16:
      return widen_bf16(source, destination, count);
    case DType::f16:
      return widen_f16(source, destination, count);
    case DType::f64:
      return widen_each<double>(source, destination, count);
    case DType::f8_e4m3:
      for (size_t i = 0; i < count; ++i) destination[i] = f8_e4m3_to_f32(bytes[i]);
      return;
    case DType::f8_e5m2:
      for (size_t i = 0; i < count; ++i) destination[i] = f8_e5m2_to_f32(bytes[i]);
      return;
    case DType::i64:
      return widen_each<int64_t>(source, destination, count);
    case DType::i32:
      return widen_each<int32_t>(source, destination, count);
    case DType::i16:
      return widen_each<int16_t>(source, destination, count);
    case DType::i8:
      return widen_each<int8_t>(source, destination, count);
    case DType::u64:
      return widen_each<uint64_t>(source, destination, count);
    case DType::u32:
      return widen_each<uint32_t>(source, destination, count);
    case DType::u16:
      return widen_each<uint16_t>(source, destination, count);
    case DType::u8:
    case DType::boolean:
      return widen_each<uint8_t>(source, destination, count);
  }
}

void narrow_from_f32(DType dtype, const float* source, void* destination, size_t count) {
  auto* bytes = static_cast<uint8_t*>(destination);
  for (size_t i = 0; i < count; ++i) {
    if (dtype == DType::f32) {
      std::memcpy(bytes + 4 * i, source + i, 4);
    } else if (dtype == DType::bf16 || dtype == DType::f16) {
      const uint16_t half = dtype == DType::bf16 ? f32_to_bf16(source[i]) : f32_to_f16(source[i]);
      std::memcpy(bytes + 2 * i, &half, 2);
    } else if (dtype == DType::f64) {
      const double wide = source[i];
      std::memcpy(bytes + 8 * i, &wide, 8);
    } else {
      throw InternalError("narrow_from_f32: no rounding to " + std::string(name_of(dtype)));
    }
  }
}

void round_to(DType dtype, float* values, size_t count) {
  if (dtype == DType::f32 || dtype == DType::f64) return;
  for (size_t i = 0; i < count; ++i)
    values[i] =
        dtype == DType::bf16 ? bf16_to_f32(f32_to_bf16(values[i])) : f16_to_f32(f32_to_f16(values[i]));
}

}  // namespace zoetrope
