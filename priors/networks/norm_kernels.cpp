#include "priors/networks/norm_kernels.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <type_traits>
#include <vector>

#include "recon/core/error.h"

#ifdef __x86_64__
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // false alarms in its own header (GCC bug 105593)
#endif
#include <immintrin.h>
#define RECON_AVX512_CODE __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#endif

namespace recon {

#ifdef __x86_64__
namespace {

constexpr std::int64_t width = 16;          ///< channels of a vector
constexpr std::int64_t chunk_pixels = 256;  ///< whose sums are float32

/// The lanes of the channels from c on.
inline __mmask16 lanes_from(std::int64_t c, std::int64_t channels) {
  return static_cast<__mmask16>(channels - c >= width ? 0xFFFF : (1 << (channels - c)) - 1);
}

RECON_AVX512_CODE inline __m512 read(const float* at, __mmask16 lanes) { return _mm512_maskz_loadu_ps(lanes, at); }
RECON_AVX512_CODE inline __m512 read(const c10::BFloat16* at, __mmask16 lanes) {
  const __m256i bits = _mm256_maskz_loadu_epi16(lanes, at);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

RECON_AVX512_CODE inline void write(float* at, __mmask16 lanes, __m512 x) { _mm512_mask_storeu_ps(at, lanes, x); }
/// Rounds to the nearest, of two to the even one; a NaN stays one.
RECON_AVX512_CODE inline void write(c10::BFloat16* at, __mmask16 lanes, __m512 x) {
  const __m512i bits = _mm512_castps_si512(x);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
  const __mmask16 not_a_number = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
  const __m512i safe = _mm512_mask_mov_epi32(up, not_a_number, _mm512_set1_epi32(0x7FC00000));
  _mm256_mask_storeu_epi16(at, lanes, _mm512_cvtepi32_epi16(_mm512_srli_epi32(safe, 16)));
}

/// exp(x), relative to 2e-7 for float and to 5e-5 for bfloat16: 2^n times the Taylor polynomial of degree 7 or 4 of exp
/// on |r| <= ln(2) / 2.
template <class Entry>
RECON_AVX512_CODE inline __m512 exponential(__m512 x) {
  const __m512 bounded = _mm512_max_ps(_mm512_min_ps(x, _mm512_set1_ps(88)), _mm512_set1_ps(-88));
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(bounded, _mm512_set1_ps(1.44269504F)), 0);
  // ln 2 in two parts: n times the first is exact.
  const __m512 most = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375F), bounded);
  const __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4F), most);
  __m512 sum = _mm512_set1_ps(1.0F / 24);
  if constexpr (std::is_same_v<Entry, float>) {
    sum = _mm512_set1_ps(1.0F / 5040);
    for (const float factor : {1.0F / 720, 1.0F / 120, 1.0F / 24})
      sum = _mm512_fmadd_ps(sum, r, _mm512_set1_ps(factor));
  }
  for (const float factor : {1.0F / 6, 0.5F, 1.0F, 1.0F}) sum = _mm512_fmadd_ps(sum, r, _mm512_set1_ps(factor));
  return _mm512_scalef_ps(sum, n);
}

template <class Entry>
RECON_AVX512_CODE inline __m512 sigmoid(__m512 z) {
  const __m512 one = _mm512_set1_ps(1);
  return _mm512_div_ps(one, _mm512_add_ps(one, exponential<Entry>(_mm512_sub_ps(_mm512_setzero_ps(), z))));
}

/// g times the slope of the activation at z: of z s(z) it is s + z s (1 - s).
template <class Entry>
RECON_AVX512_CODE inline __m512 through_activation(__m512 g, __m512 z, bool silu) {
  if (!silu) return g;
  const __m512 s = sigmoid<Entry>(z);
  const __m512 rest = _mm512_mul_ps(z, _mm512_sub_ps(_mm512_set1_ps(1), s));
  return _mm512_mul_ps(g, _mm512_fmadd_ps(s, rest, s));
}

/// Sums of x - pivot and of its square over some pixels of each channel, [2, C].
template <class Entry>
RECON_AVX512_CODE void sum_moments(const Entry* x, const Entry* pivot, std::int64_t pixels, std::int64_t channels,
                                   float* sums) {
  for (std::int64_t c = 0; c < channels; c += width) {
    const __mmask16 lanes = lanes_from(c, channels);
    const __m512 offset = read(pivot + c, lanes);
    __m512 sum = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
    for (std::int64_t p = 0; p < pixels; ++p) {
      const __m512 value = _mm512_sub_ps(read(x + p * channels + c, lanes), offset);
      sum = _mm512_add_ps(sum, value);
      squares = _mm512_fmadd_ps(value, value, squares);
    }
    write(sums + c, lanes, sum);
    write(sums + channels + c, lanes, squares);
  }
}

template <class Entry>
RECON_AVX512_CODE void apply_to(const Entry* x, const float* scale, const float* shift, bool silu, std::int64_t pixels,
                                std::int64_t channels, Entry* y) {
  for (std::int64_t c = 0; c < channels; c += width) {
    const __mmask16 lanes = lanes_from(c, channels);
    const __m512 a = read(scale + c, lanes), b = read(shift + c, lanes);
    for (std::int64_t at = c; at < pixels * channels; at += channels) {
      const __m512 z = _mm512_fmadd_ps(read(x + at, lanes), a, b);
      write(y + at, lanes, silu ? _mm512_mul_ps(z, sigmoid<Entry>(z)) : z);
    }
  }
}

/// Sums of dL/dz and of dL/dz x̂ over some pixels of each channel, [2, C], with x̂ = (x - mean) inverse.
template <class Entry>
RECON_AVX512_CODE void sum_gradients(const Entry* x, const Entry* g, const NormCoefficients& of, bool silu,
                                     std::int64_t pixels, std::int64_t channels, float* sums) {
  for (std::int64_t c = 0; c < channels; c += width) {
    const __mmask16 lanes = lanes_from(c, channels);
    const __m512 a = read(of.scale + c, lanes), b = read(of.shift + c, lanes);
    const __m512 mean = read(of.mean + c, lanes), inverse = read(of.inverse + c, lanes);
    __m512 sum = _mm512_setzero_ps(), products = _mm512_setzero_ps();
    for (std::int64_t at = c; at < pixels * channels; at += channels) {
      const __m512 value = read(x + at, lanes);
      const __m512 of_z = through_activation<Entry>(read(g + at, lanes), _mm512_fmadd_ps(value, a, b), silu);
      sum = _mm512_add_ps(sum, of_z);
      products = _mm512_fmadd_ps(of_z, _mm512_sub_ps(value, mean), products);
    }
    write(sums + c, lanes, sum);
    write(sums + channels + c, lanes, _mm512_mul_ps(products, inverse));
  }
}

/// dL/dx = scale dL/dz + slope (x - mean) + constant.
template <class Entry>
RECON_AVX512_CODE void apply_gradients(const Entry* x, const Entry* g, const NormCoefficients& of, const float* slope,
                                       const float* constant, bool silu, std::int64_t pixels, std::int64_t channels,
                                       Entry* of_x) {
  for (std::int64_t c = 0; c < channels; c += width) {
    const __mmask16 lanes = lanes_from(c, channels);
    const __m512 a = read(of.scale + c, lanes), b = read(of.shift + c, lanes);
    const __m512 mean = read(of.mean + c, lanes);
    const __m512 s = read(slope + c, lanes), k = read(constant + c, lanes);
    for (std::int64_t at = c; at < pixels * channels; at += channels) {
      const __m512 value = read(x + at, lanes);
      const __m512 of_z = through_activation<Entry>(read(g + at, lanes), _mm512_fmadd_ps(value, a, b), silu);
      const __m512 through_group = _mm512_fmadd_ps(_mm512_sub_ps(value, mean), s, k);
      write(of_x + at, lanes, _mm512_fmadd_ps(of_z, a, through_group));
    }
  }
}

/// Calls with (image, first pixel, pixels) for chunks of all images.
template <class Work>
void for_chunks(const NormSize& size, Work work) {
  const std::int64_t chunks = (size.pixels + chunk_pixels - 1) / chunk_pixels;
  at::parallel_for(0, size.images * chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const std::int64_t first = k % chunks * chunk_pixels;
      work(k / chunks, k, first, std::min(chunk_pixels, size.pixels - first));
    }
  });
}

/// [B, 2, C] from the chunks' sums [B chunks, 2, C].
std::vector<double> totals(const NormSize& size, const std::vector<float>& sums) {
  const std::int64_t row = 2 * size.channels, chunks = (size.pixels + chunk_pixels - 1) / chunk_pixels;
  std::vector<double> all(static_cast<std::size_t>(size.images * row), 0);
  for (std::int64_t k = 0; k < size.images * chunks; ++k) {
    const float* from = sums.data() + k * row;
    double* to = all.data() + k / chunks * row;
    for (std::int64_t c = 0; c < row; ++c) to[c] += static_cast<double>(from[c]);
  }
  return all;
}

std::vector<float> room_for_sums(const NormSize& size) {
  const std::int64_t chunks = (size.pixels + chunk_pixels - 1) / chunk_pixels;
  return std::vector<float>(static_cast<std::size_t>(size.images * chunks * 2 * size.channels));
}

NormCoefficients of_image(const NormCoefficients& all, std::int64_t image, std::int64_t channels) {
  const std::int64_t at = image * channels;
  return {all.scale + at, all.shift + at, all.mean + at, all.inverse + at};
}

}  // namespace

template <class Entry>
void norm_coefficients(const NormSize& size, const Entry* x, const float* weight, const float* bias, double eps,
                       const NormCoefficients& out) {
  const std::int64_t channels = size.channels, image_size = size.pixels * channels, each = channels / size.groups;
  std::vector<float> sums = room_for_sums(size);
  // Deviations from the first pixel: squares of values far from zero would lose what they differ by.
  for_chunks(size, [&](std::int64_t image, std::int64_t chunk, std::int64_t first, std::int64_t pixels) {
    const Entry* own = x + image * image_size;
    sum_moments(own + first * channels, own, pixels, channels, sums.data() + chunk * 2 * channels);
  });
  const std::vector<double> all = totals(size, sums);
  const auto pixels = static_cast<double>(size.pixels), count = pixels * static_cast<double>(each);
  std::vector<double> means(static_cast<std::size_t>(channels));
  for (std::int64_t image = 0; image < size.images; ++image) {
    const NormCoefficients to = of_image(out, image, channels);
    const double *sum = all.data() + image * 2 * channels, *squares = sum + channels;
    for (std::int64_t group = 0; group < channels; group += each) {
      double mean = 0, spread = 0;
      for (std::int64_t c = group; c < group + each; ++c) {
        const auto pivot = static_cast<double>(static_cast<float>(x[image * image_size + c]));
        means[static_cast<std::size_t>(c)] = pivot + sum[c] / pixels;
        mean += means[static_cast<std::size_t>(c)] / static_cast<double>(each);
      }
      for (std::int64_t c = group; c < group + each; ++c) {
        const double apart = means[static_cast<std::size_t>(c)] - mean;
        spread += squares[c] - sum[c] * sum[c] / pixels + pixels * apart * apart;
      }
      const double inverse = 1 / std::sqrt(spread / count + eps);
      for (std::int64_t c = group; c < group + each; ++c) {
        to.mean[c] = static_cast<float>(mean), to.inverse[c] = static_cast<float>(inverse);
        to.scale[c] = static_cast<float>(inverse * static_cast<double>(weight[c]));
        to.shift[c] =
            static_cast<float>(static_cast<double>(bias[c]) - mean * inverse * static_cast<double>(weight[c]));
      }
    }
  }
}

template <class Entry>
void apply_norm(const NormSize& size, const Entry* x, const NormCoefficients& coefficients, bool silu, Entry* y) {
  for_chunks(size, [&](std::int64_t image, std::int64_t, std::int64_t first, std::int64_t pixels) {
    const NormCoefficients of = of_image(coefficients, image, size.channels);
    const std::int64_t at = (image * size.pixels + first) * size.channels;
    apply_to(x + at, of.scale, of.shift, silu, pixels, size.channels, y + at);
  });
}

template <class Entry>
void norm_gradients(const NormSize& size, const Entry* x, const Entry* g, const NormCoefficients& coefficients,
                    const float* weight, bool silu, Entry* of_x, float* of_weight, float* of_bias) {
  const std::int64_t channels = size.channels, each = channels / size.groups;
  const auto count = static_cast<double>(size.pixels * each);
  std::vector<float> sums = room_for_sums(size);
  for_chunks(size, [&](std::int64_t image, std::int64_t chunk, std::int64_t first, std::int64_t pixels) {
    const std::int64_t at = (image * size.pixels + first) * channels;
    sum_gradients(x + at, g + at, of_image(coefficients, image, channels), silu, pixels, channels,
                  sums.data() + chunk * 2 * channels);
  });
  const std::vector<double> all = totals(size, sums);
  std::vector<double> weights(static_cast<std::size_t>(channels), 0), biases = weights;
  std::vector<float> slopes(static_cast<std::size_t>(size.images * channels)), constants = slopes;
  for (std::int64_t image = 0; image < size.images; ++image) {
    const double *sum = all.data() + image * 2 * channels, *products = sum + channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      biases[static_cast<std::size_t>(c)] += sum[c];
      weights[static_cast<std::size_t>(c)] += products[c];
    }
    for (std::int64_t group = 0; group < channels; group += each) {
      double of_mean = 0, of_variance = 0;
      for (std::int64_t c = group; c < group + each; ++c) {
        of_mean += static_cast<double>(weight[c]) * sum[c];
        of_variance += static_cast<double>(weight[c]) * products[c];
      }
      for (std::int64_t c = group; c < group + each; ++c) {
        const std::int64_t at = image * channels + c;
        const auto inverse = static_cast<double>(coefficients.inverse[at]);
        slopes[static_cast<std::size_t>(at)] = static_cast<float>(-inverse * inverse * of_variance / count);
        constants[static_cast<std::size_t>(at)] = static_cast<float>(-inverse * of_mean / count);
      }
    }
  }
  for (std::int64_t c = 0; c < channels; ++c) {
    of_weight[c] = static_cast<float>(weights[static_cast<std::size_t>(c)]);
    of_bias[c] = static_cast<float>(biases[static_cast<std::size_t>(c)]);
  }
  for_chunks(size, [&](std::int64_t image, std::int64_t, std::int64_t first, std::int64_t pixels) {
    const std::int64_t at = (image * size.pixels + first) * channels;
    apply_gradients(x + at, g + at, of_image(coefficients, image, channels), slopes.data() + image * channels,
                    constants.data() + image * channels, silu, pixels, channels, of_x + at);
  });
}

#undef RECON_AVX512_CODE

#else

namespace {
[[noreturn]] void no_norm_kernels() { throw internal_error("norm_kernels", "called on a processor without AVX-512"); }
}  // namespace

template <class Entry>
void norm_coefficients(const NormSize&, const Entry*, const float*, const float*, double, const NormCoefficients&) {
  no_norm_kernels();
}
template <class Entry>
void apply_norm(const NormSize&, const Entry*, const NormCoefficients&, bool, Entry*) {
  no_norm_kernels();
}
template <class Entry>
void norm_gradients(const NormSize&, const Entry*, const Entry*, const NormCoefficients&, const float*, bool, Entry*,
                    float*, float*) {
  no_norm_kernels();
}

#endif

#define RECON_NORM_OF(Entry)                                                                                       \
  template void norm_coefficients(const NormSize&, const Entry*, const float*, const float*, double,               \
                                  const NormCoefficients&);                                                        \
  template void apply_norm(const NormSize&, const Entry*, const NormCoefficients&, bool, Entry*);                  \
  template void norm_gradients(const NormSize&, const Entry*, const Entry*, const NormCoefficients&, const float*, \
                               bool, Entry*, float*, float*)
RECON_NORM_OF(float);
RECON_NORM_OF(c10::BFloat16);
#undef RECON_NORM_OF

}  // namespace recon
