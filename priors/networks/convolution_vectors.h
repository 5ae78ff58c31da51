#pragma once

// Vectors of sixteen channels for the kernels of convolutions, on x86-64: in registers float32, in memory float32 or
// bfloat16. Products of bfloat16 come two at a time, for which their factors lie in pairs.

#ifdef __x86_64__

#include <c10/util/BFloat16.h>

#include <array>
#include <cstdint>
#include <cstring>

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // false alarms in its own header (GCC bug 105593)
#endif
#include <immintrin.h>

/// With AVX512-BF16, which only what takes c10::BFloat16 uses.
#define RECON_CONVOLUTION_CODE __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))

namespace recon {

constexpr std::int64_t lanes = 16;
constexpr int rows_at_once = 6;  ///< times four vectors of outputs: sums in 24 of 32 registers
constexpr int inputs_at_once = 4;

/// Products that a lane adds at once.
template <class Entry>
inline constexpr int together = 1;
template <>
inline constexpr int together<c10::BFloat16> = 2;

RECON_CONVOLUTION_CODE inline __m512 read(const float* at) { return _mm512_loadu_ps(at); }
RECON_CONVOLUTION_CODE inline __m512 read(const c10::BFloat16* at) {
  const __m512i low = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
  return _mm512_castsi512_ps(_mm512_slli_epi32(low, 16));
}

RECON_CONVOLUTION_CODE inline void write(float* at, __m512 v) { _mm512_storeu_ps(at, v); }
RECON_CONVOLUTION_CODE inline void write(c10::BFloat16* at, __m512 v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), (__m256i)_mm512_cvtneps_pbh(v));
}

/// Factors of products: a itself, or a0 b0 a1 b1 ...
RECON_CONVOLUTION_CODE inline void write_factors(float* at, __m512 a, __m512) { _mm512_storeu_ps(at, a); }
RECON_CONVOLUTION_CODE inline void write_factors(c10::BFloat16* at, __m512 a, __m512 b) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21,
                                         5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  _mm512_storeu_si512(at, _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(b, a)));
}

RECON_CONVOLUTION_CODE inline __m512 factors(const float* at) { return _mm512_loadu_ps(at); }
RECON_CONVOLUTION_CODE inline __m512bh factors(const c10::BFloat16* at) { return (__m512bh)_mm512_loadu_si512(at); }

/// The same factor, or two, for each lane.
RECON_CONVOLUTION_CODE inline __m512 factor(const float* at) { return _mm512_set1_ps(*at); }
RECON_CONVOLUTION_CODE inline __m512bh factor(const c10::BFloat16* at) {
  int both;
  std::memcpy(&both, at, sizeof both);
  return (__m512bh)_mm512_set1_epi32(both);
}

RECON_CONVOLUTION_CODE inline __m512 add_product(__m512 sum, __m512 a, __m512 b) { return _mm512_fmadd_ps(a, b, sum); }
RECON_CONVOLUTION_CODE inline __m512 add_product(__m512 sum, __m512bh a, __m512bh b) {
  return _mm512_dpbf16_ps(sum, a, b);
}

/// to[p, 16 `Vectors`] = sum over k of from[p][k] weights[k], k of `terms` times `together`.
template <class Entry, int Vectors>
RECON_CONVOLUTION_CODE void multiply_rows(const Entry* const* from, std::int64_t terms, const Entry* weights,
                                          float* const* to) {
  constexpr int n = together<Entry>;
  __m512 sums[rows_at_once][Vectors];
#pragma GCC unroll 8
  for (int p = 0; p < rows_at_once; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) sums[p][v] = _mm512_setzero_ps();
  }
  const Entry* rows[rows_at_once];
#pragma GCC unroll 8
  for (int p = 0; p < rows_at_once; ++p) rows[p] = from[p];
  for (std::int64_t k = 0; k < terms; ++k, weights += n * lanes * Vectors) {
    decltype(factors(weights)) w[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) w[v] = factors(weights + n * lanes * v);
#pragma GCC unroll 8
    for (int p = 0; p < rows_at_once; ++p) {
      const auto x = factor(rows[p] + n * k);
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sums[p][v] = add_product(sums[p][v], w[v], x);
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < rows_at_once; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) _mm512_storeu_ps(to[p] + lanes * v, sums[p][v]);
  }
}

/// to[i, 16 `Vectors`] += sum over rows of x[row, i] g[row], for four i; rows of x are x_row entries apart, of g g_row.
template <class Entry, int Vectors>
RECON_CONVOLUTION_CODE void add_products(const Entry* x, std::int64_t x_row, const Entry* g, std::int64_t g_row,
                                         std::int64_t rows, float* to, std::int64_t out) {
  constexpr int n = together<Entry>;
  __m512 sums[inputs_at_once][Vectors];
#pragma GCC unroll 4
  for (int i = 0; i < inputs_at_once; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) sums[i][v] = _mm512_loadu_ps(to + i * out + lanes * v);
  }
  for (std::int64_t k = 0; k < rows; ++k, x += x_row, g += g_row) {
    decltype(factors(g)) vectors[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) vectors[v] = factors(g + n * lanes * v);
#pragma GCC unroll 4
    for (int i = 0; i < inputs_at_once; ++i) {
      const auto one = factor(x + n * i);
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sums[i][v] = add_product(sums[i][v], vectors[v], one);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < inputs_at_once; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) _mm512_storeu_ps(to + i * out + lanes * v, sums[i][v]);
  }
}

/// By the number of vectors, less one.
template <class Entry>
inline constexpr std::array row_kernels = {multiply_rows<Entry, 1>, multiply_rows<Entry, 2>, multiply_rows<Entry, 3>,
                                           multiply_rows<Entry, 4>};
template <class Entry>
inline constexpr std::array gradient_kernels = {add_products<Entry, 1>, add_products<Entry, 2>, add_products<Entry, 3>,
                                                add_products<Entry, 4>};

}  // namespace recon

#endif
