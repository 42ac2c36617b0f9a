// Eight-wide float32 functions for elementwise kernels (AVX2 and FMA).
#pragma once

#include <immintrin.h>

namespace zoetrope {

// e^x with a relative error below 2e-7: 2^n times a polynomial on [-ln2/2, ln2/2] (Cephes' coefficients).
// Below -87.3 it is 0, above 88.7 infinity, NaN stays NaN.
inline __m256 exp8(__m256 x) {
  const __m256 too_high = _mm256_cmp_ps(x, _mm256_set1_ps(88.7228f), _CMP_GT_OQ);
  const __m256 too_low = _mm256_cmp_ps(x, _mm256_set1_ps(-87.33654f), _CMP_LT_OQ);
  // min and max return their second operand for NaN, so x comes second.
  const __m256 bounded =
      _mm256_max_ps(_mm256_set1_ps(-87.33654f), _mm256_min_ps(_mm256_set1_ps(88.7228f), x));
  const __m256 n = _mm256_round_ps(_mm256_mul_ps(bounded, _mm256_set1_ps(1.44269504088896341f)),
                                   _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  // ln 2 in two parts, so that r is exact to float32.
  __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), bounded);
  r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
  __m256 p = _mm256_set1_ps(1.9875691500e-4f);
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.3981999507e-3f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(8.3334519073e-3f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.1665795894e-2f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.6666665459e-1f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(5.0000001201e-1f));
  p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), _mm256_add_ps(r, _mm256_set1_ps(1.0f)));
  // Times 2^n in two halves: n may be 128.
  const __m256i whole = _mm256_cvtps_epi32(n);
  const __m256i half = _mm256_srai_epi32(whole, 1);
  auto power = [](__m256i k) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(k, _mm256_set1_epi32(127)), 23));
  };
  p = _mm256_mul_ps(_mm256_mul_ps(p, power(half)), power(_mm256_sub_epi32(whole, half)));
  p = _mm256_blendv_ps(p, _mm256_set1_ps(__builtin_inff()), too_high);
  return _mm256_blendv_ps(p, _mm256_setzero_ps(), too_low);
}

// 2^x for x <= 0, for a softmax: 2^round(x) times a polynomial on [-1/2, 1/2] (fitted for the least relative
// error, 8e-8 with roundings). Below -127 it is 0, NaN stays NaN.
inline __m256 exp2_of_nonpositive8(__m256 x) {
  const __m256 bounded = _mm256_max_ps(_mm256_set1_ps(-127.0f), x);
  const __m256 n = _mm256_round_ps(bounded, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m256 r = _mm256_sub_ps(bounded, n);
  __m256 p = _mm256_set1_ps(0.00015353361959569156f);
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.0013398875016719103f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.00961843691766262f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.055503323674201965f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.24022647738456726f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.6931471824645996f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
  // Times 2^n by adding to the exponent. At -127 the polynomial is 1 and the bits become those of 0.
  const __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent));
}

// e^x with x first bounded to ±87, as exp8 otherwise: for 1 + e^x, where nothing beyond shows.
inline __m256 exp_within87(__m256 x) {
  const __m256 bounded = _mm256_max_ps(_mm256_set1_ps(-87.0f), _mm256_min_ps(_mm256_set1_ps(87.0f), x));
  const __m256 n = _mm256_round_ps(_mm256_mul_ps(bounded, _mm256_set1_ps(1.44269504088896341f)),
                                   _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), bounded);
  r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
  __m256 p = _mm256_set1_ps(1.9875691500e-4f);
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.3981999507e-3f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(8.3334519073e-3f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.1665795894e-2f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.6666665459e-1f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(5.0000001201e-1f));
  p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), _mm256_add_ps(r, _mm256_set1_ps(1.0f)));
  const __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent));
}

inline __m256 sigmoid8(__m256 x) {
  const __m256 one = _mm256_set1_ps(1.0f);
  return _mm256_div_ps(one, _mm256_add_ps(one, exp_within87(_mm256_sub_ps(_mm256_setzero_ps(), x))));
}

inline __m256 silu8(__m256 x) {
  const __m256 decay = exp_within87(_mm256_sub_ps(_mm256_setzero_ps(), x));
  return _mm256_div_ps(x, _mm256_add_ps(_mm256_set1_ps(1.0f), decay));
}

// tanh x = 2 sigmoid(2x) - 1; near 0 its odd series, where the difference would cancel.
inline __m256 tanh8(__m256 x) {
  const __m256 two = _mm256_set1_ps(2.0f);
  const __m256 wide = _mm256_fmsub_ps(two, sigmoid8(_mm256_mul_ps(two, x)), _mm256_set1_ps(1.0f));
  const __m256 square = _mm256_mul_ps(x, x);
  __m256 series = _mm256_set1_ps(0.0218694885f);  // 62/2835
  series = _mm256_fmadd_ps(series, square, _mm256_set1_ps(-0.0539682540f));
  series = _mm256_fmadd_ps(series, square, _mm256_set1_ps(0.1333333333f));
  series = _mm256_fmadd_ps(series, square, _mm256_set1_ps(-0.3333333333f));
  series = _mm256_mul_ps(_mm256_fmadd_ps(series, square, _mm256_set1_ps(1.0f)), x);
  const __m256 magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
  return _mm256_blendv_ps(wide, series, _mm256_cmp_ps(magnitude, _mm256_set1_ps(0.25f), _CMP_LT_OQ));
}

// x (1 + tanh u) / 2 = x sigmoid(2u) with u = sqrt(2/pi) (x + 0.044715 x³).
inline __m256 gelu_tanh8(__m256 x) {
  const __m256 square = _mm256_mul_ps(x, x);
  const __m256 slope = _mm256_fmadd_ps(_mm256_set1_ps(-2.0f * 0.7978845608028654f * 0.044715f), square,
                                       _mm256_set1_ps(-2.0f * 0.7978845608028654f));
  const __m256 decay = exp_within87(_mm256_mul_ps(slope, x));
  return _mm256_div_ps(x, _mm256_add_ps(_mm256_set1_ps(1.0f), decay));
}

inline float max8(__m256 x) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

inline float sum8(__m256 x) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

}  // namespace zoetrope
