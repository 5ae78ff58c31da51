#include "priors/networks/convolution_kernels.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "recon/core/error.h"

#ifdef __x86_64__
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // false alarms in its own header (GCC bug 105593)
#endif
#include <immintrin.h>
#define RECON_BF16_CODE __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))
#endif

namespace recon {

#ifdef __x86_64__
namespace {

constexpr std::int64_t lanes = 16;
constexpr std::int64_t strip_bytes = 192 << 10;  ///< of a picture, with the weights of one group in a cache of 512 KiB
constexpr int tile_pixels = 6;                   ///< times four vectors of outputs: sums in 24 of 32 registers
constexpr int tile_inputs = 4;

/// Not set to zero first.
using Scratch = std::unique_ptr<BFloat16Bits[]>;
Scratch scratch(std::int64_t entries) {
  return std::make_unique_for_overwrite<BFloat16Bits[]>(static_cast<std::size_t>(entries));
}

/// Outputs that are computed together: four vectors of them, fewer at the end.
struct Group {
  std::int64_t first;
  std::size_t vectors;
};

std::vector<Group> groups_of(std::int64_t out) {
  std::vector<Group> groups;
  for (std::int64_t first = 0; first < out; first += 4 * lanes) {
    groups.push_back({first, static_cast<std::size_t>(std::min<std::int64_t>(4, (out - first) / lanes))});
  }
  return groups;
}

std::int64_t strip_rows(std::int64_t row_bytes, std::int64_t height) {
  return std::clamp<std::int64_t>(strip_bytes / row_bytes, std::min<std::int64_t>(4, height), height);
}

/// Two bfloat16 for each lane.
RECON_BF16_CODE inline __m512bh pair_of(const BFloat16Bits* at) {
  int both;
  std::memcpy(&both, at, sizeof both);
  return (__m512bh)_mm512_set1_epi32(both);
}

RECON_BF16_CODE inline __m512bh load(const BFloat16Bits* at) { return (__m512bh)_mm512_loadu_si512(at); }

/// Sums of some pixels and 16 `Vectors` outputs, over all taps and inputs.
template <int Vectors>
RECON_BF16_CODE void sum_tile(const BFloat16Bits* const* pixels, const std::vector<std::int64_t>& taps,
                              std::int64_t pairs, const BFloat16Bits* weights, const float* bias,
                              BFloat16Bits* const* out) {
  __m512 sums[tile_pixels][Vectors];
#pragma GCC unroll 8
  for (int p = 0; p < tile_pixels; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      sums[p][v] = bias == nullptr ? _mm512_setzero_ps() : _mm512_loadu_ps(bias + lanes * v);
    }
  }
  for (const std::int64_t tap : taps) {
    const BFloat16Bits* from[tile_pixels];
#pragma GCC unroll 8
    for (int p = 0; p < tile_pixels; ++p) from[p] = pixels[p] + tap;
    for (std::int64_t k = 0; k < pairs; ++k) {
      __m512bh w[Vectors];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) w[v] = load(weights + 2 * lanes * v);
#pragma GCC unroll 8
      for (int p = 0; p < tile_pixels; ++p) {
        const __m512bh x = pair_of(from[p] + 2 * k);
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) sums[p][v] = _mm512_dpbf16_ps(sums[p][v], w[v], x);
      }
      weights += 2 * lanes * Vectors;
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < tile_pixels; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out[p] + lanes * v), (__m256i)_mm512_cvtneps_pbh(sums[p][v]));
    }
  }
}

/// Adds to the gradients of four inputs' weights, of one tap, what some rows of pairs of pixels give.
template <int Vectors>
RECON_BF16_CODE void add_gradient_tile(const BFloat16Bits* x, std::int64_t x_row, std::int64_t x_pair,
                                       const BFloat16Bits* g, std::int64_t g_pair, std::int64_t rows,
                                       std::int64_t pairs, float* weights, std::int64_t out) {
  __m512 sums[tile_inputs][Vectors];
#pragma GCC unroll 4
  for (int i = 0; i < tile_inputs; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) sums[i][v] = _mm512_loadu_ps(weights + i * out + lanes * v);
  }
  for (std::int64_t y = 0; y < rows; ++y, x += x_row) {
    const BFloat16Bits* at = x;
    for (std::int64_t k = 0; k < pairs; ++k, at += x_pair, g += g_pair) {
      __m512bh vectors[Vectors];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) vectors[v] = load(g + 2 * lanes * v);
#pragma GCC unroll 4
      for (int i = 0; i < tile_inputs; ++i) {
        const __m512bh both = pair_of(at + 2 * i);
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) sums[i][v] = _mm512_dpbf16_ps(sums[i][v], vectors[v], both);
      }
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < tile_inputs; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) _mm512_storeu_ps(weights + i * out + lanes * v, sums[i][v]);
  }
}

constexpr std::array sum_tiles = {sum_tile<1>, sum_tile<2>, sum_tile<3>, sum_tile<4>};
constexpr std::array gradient_tiles = {add_gradient_tile<1>, add_gradient_tile<2>, add_gradient_tile<3>,
                                       add_gradient_tile<4>};

/// Sixteen channels, each in the lower half of a lane; of a pixel that is not there, zeros.
RECON_BF16_CODE inline __m512i widened(const BFloat16Bits* pixel, std::int64_t channel) {
  if (pixel == nullptr) return _mm512_setzero_si512();
  return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(pixel + channel)));
}

/// [C, 2] of two pixels.
RECON_BF16_CODE void interleave(const BFloat16Bits* a, const BFloat16Bits* b, std::int64_t channels,
                                BFloat16Bits* out) {
  for (std::int64_t c = 0; c < channels; c += lanes) {
    const __m512i both = _mm512_or_si512(widened(a, c), _mm512_slli_epi32(widened(b, c), 16));
    _mm512_storeu_si512(out + 2 * c, both);
  }
}

RECON_BF16_CODE void add_pairs(const BFloat16Bits* g, std::int64_t pairs, std::int64_t channels, float* sums) {
  const __m512bh ones = (__m512bh)_mm512_set1_epi32(0x3F803F80);
  for (std::int64_t c = 0; c < channels; c += lanes) {
    __m512 sum = _mm512_loadu_ps(sums + c);
    for (std::int64_t k = 0; k < pairs; ++k) sum = _mm512_dpbf16_ps(sum, load(g + 2 * (k * channels + c)), ones);
    _mm512_storeu_ps(sums + c, sum);
  }
}

/// Sixteen outputs' weights for a pair of inputs.
RECON_BF16_CODE inline void pack_vector(const float* weights, std::int64_t out_stride, std::int64_t in_stride,
                                        __m512i offsets, BFloat16Bits* packed) {
  __m512 first, second;
  if (out_stride == 1) {
    first = _mm512_loadu_ps(weights), second = _mm512_loadu_ps(weights + in_stride);
  } else {
    first = _mm512_i32gather_ps(offsets, weights, 4);
    second = _mm512_i32gather_ps(offsets, weights + in_stride, 4);
  }
  const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(first));
  const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(second));
  _mm512_storeu_si512(packed, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}

RECON_BF16_CODE void pack_group(const ConvolutionSize& size, const Group& group, const float* weights,
                                const WeightStrides& strides, bool turned, BFloat16Bits* packed) {
  const __m512i offsets = _mm512_mullo_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                                             _mm512_set1_epi32(static_cast<int>(strides.out)));
  const std::int64_t taps = size.side * size.side, end = group.first + lanes * static_cast<std::int64_t>(group.vectors);
  for (std::int64_t t = 0; t < taps; ++t) {
    const std::int64_t tap = turned ? taps - 1 - t : t;
    const float* of_tap = weights + tap / size.side * strides.row + tap % size.side * strides.column;
    for (std::int64_t i = 0; i < size.in; i += 2) {
      for (std::int64_t o = group.first; o < end; o += lanes, packed += 2 * lanes) {
        pack_vector(of_tap + i * strides.in + o * strides.out, strides.out, strides.in, offsets, packed);
      }
    }
  }
}

/// Rows `from` to `to` of one image, and beside them what a kernel of side 3 reaches, zeros outside of the picture.
void padded_rows(const ConvolutionSize& size, const BFloat16Bits* image, std::int64_t from, std::int64_t to,
                 BFloat16Bits* strip) {
  const std::int64_t row = size.width * size.in, wide = (size.width + 2) * size.in;
  for (std::int64_t y = from - 1; y <= to; ++y, strip += wide) {
    if (y < 0 || y >= size.height) {
      std::fill_n(strip, wide, BFloat16Bits{0});
      continue;
    }
    std::fill_n(strip, size.in, BFloat16Bits{0});
    std::copy_n(image + y * row, row, strip + size.in);
    std::fill_n(strip + size.in + row, size.in, BFloat16Bits{0});
  }
}

/// Some rows of an image, `x` with what the kernel reaches around them.
void convolve_strip(const ConvolutionSize& size, std::int64_t rows, const BFloat16Bits* x, const BFloat16Bits* packed,
                    const float* bias, BFloat16Bits* y) {
  const std::int64_t wide = size.width + size.side - 1, pixels = rows * size.width;
  std::vector<std::int64_t> taps;
  for (std::int64_t t = 0; t < size.side * size.side; ++t) {
    taps.push_back((t / size.side * wide + t % size.side) * size.in);
  }
  for (const Group& group : groups_of(size.out)) {
    const BFloat16Bits* weights = packed + group.first * size.in * size.side * size.side;
    const float* constant = bias == nullptr ? nullptr : bias + group.first;
    for (std::int64_t first = 0; first < pixels; first += tile_pixels) {
      const BFloat16Bits* from[tile_pixels];
      BFloat16Bits* to[tile_pixels];
      for (int p = 0; p < tile_pixels; ++p) {
        const std::int64_t pixel = std::min(first + p, pixels - 1);  // the last one more than once
        from[p] = x + (pixel / size.width * wide + pixel % size.width) * size.in;
        to[p] = y + pixel * size.out + group.first;
      }
      sum_tiles[group.vectors - 1](from, taps, size.in / 2, weights, constant, to);
    }
  }
}

/// Pairs of pixels side by side, [rows, pairs, C, 2]: the pixels 0 and 1, 2 and 3, ... of each row counted from
/// `column`, of the rows from `from` on; outside of the picture they are zero.
void pair_up(const BFloat16Bits* image, std::int64_t height, std::int64_t width, std::int64_t channels,
             std::int64_t from, std::int64_t column, std::int64_t rows, std::int64_t pairs, BFloat16Bits* out) {
  at::parallel_for(0, rows, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const auto at = [&](std::int64_t x) {
        const bool inside = from + r >= 0 && from + r < height && x >= 0 && x < width;
        return inside ? image + ((from + r) * width + x) * channels : nullptr;
      };
      for (std::int64_t k = 0; k < pairs; ++k) {
        interleave(at(column + 2 * k), at(column + 2 * k + 1), channels, out + (r * pairs + k) * 2 * channels);
      }
    }
  });
}

/// The pairs of some rows of x from an even and from an odd column on, and those of g.
struct PairedRows {
  std::int64_t rows, pairs;  ///< of g; x has side - 1 rows more, and a pair
  Scratch even, odd, g;
};

void add_gradients(const ConvolutionSize& size, const PairedRows& paired, float* weights, float* bias) {
  const std::int64_t blocks = size.in / tile_inputs, x_pair = 2 * size.in, x_row = (paired.pairs + 1) * x_pair;
  const std::vector<Group> groups = groups_of(size.out);
  const auto tile = [&](const Group& group, std::int64_t first, std::int64_t tap) {
    const std::int64_t column = tap % size.side;
    const BFloat16Bits* x =
        (column == 1 ? paired.odd : paired.even).get() + tap / size.side * x_row + column / 2 * x_pair + 2 * first;
    const BFloat16Bits* g = paired.g.get() + 2 * group.first;
    float* to = weights + (tap * size.in + first) * size.out + group.first;
    gradient_tiles[group.vectors - 1](x, x_row, x_pair, g, 2 * size.out, paired.rows, paired.pairs, to, size.out);
  };
  add_pairs(paired.g.get(), paired.rows * paired.pairs, size.out, bias);
  const auto count = static_cast<std::int64_t>(groups.size());
  at::parallel_for(0, count * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      for (std::int64_t tap = 0; tap < size.side * size.side; ++tap) {
        tile(groups[static_cast<std::size_t>(k / blocks)], k % blocks * tile_inputs, tap);
      }
    }
  });
}

}  // namespace

void pack_weights(const ConvolutionSize& size, const float* weights, const WeightStrides& strides, bool turned,
                  BFloat16Bits* packed) {
  const std::vector<Group> groups = groups_of(size.out);
  at::parallel_for(0, static_cast<std::int64_t>(groups.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t g = begin; g < end; ++g) {
      const Group& group = groups[static_cast<std::size_t>(g)];
      pack_group(size, group, weights, strides, turned, packed + group.first * size.in * size.side * size.side);
    }
  });
}

void convolve(const ConvolutionSize& size, const BFloat16Bits* x, const BFloat16Bits* packed, const float* bias,
              BFloat16Bits* y) {
  const std::int64_t reach = size.side / 2, wide = (size.width + 2 * reach) * size.in;
  const std::int64_t rows = strip_rows(wide * static_cast<std::int64_t>(sizeof(BFloat16Bits)), size.height);
  const std::int64_t strips = (size.height + rows - 1) / rows;
  at::parallel_for(0, size.images * strips, 1, [&](std::int64_t begin, std::int64_t end) {
    const Scratch padded = scratch(reach > 0 ? (rows + 2) * wide : 0);
    for (std::int64_t k = begin; k < end; ++k) {
      const std::int64_t image = k / strips, from = k % strips * rows, to = std::min(from + rows, size.height);
      const BFloat16Bits* own = x + image * size.height * size.width * size.in;
      if (reach > 0) padded_rows(size, own, from, to, padded.get());
      convolve_strip(size, to - from, reach > 0 ? padded.get() : own + from * size.width * size.in, packed, bias,
                     y + (image * size.height + from) * size.width * size.out);
    }
  });
}

void weight_gradients(const ConvolutionSize& size, const BFloat16Bits* x, const BFloat16Bits* g, float* weights,
                      float* bias) {
  std::fill_n(weights, size.weights(), 0.0F);
  std::fill_n(bias, size.out, 0.0F);
  const std::int64_t reach = size.side / 2, pairs = (size.width + 1) / 2;
  const std::int64_t row_bytes = (2 * size.in + size.out) * 2 * pairs * static_cast<std::int64_t>(sizeof(BFloat16Bits));
  const std::int64_t most = strip_rows(row_bytes, size.height);
  const std::int64_t of_x = (most + 2 * reach) * (pairs + 1) * 2 * size.in;
  PairedRows paired{.rows = most,
                    .pairs = pairs,
                    .even = scratch(of_x),
                    .odd = scratch(reach > 0 ? of_x : 0),
                    .g = scratch(most * pairs * 2 * size.out)};
  for (std::int64_t image = 0; image < size.images; ++image) {
    const BFloat16Bits* own = x + image * size.height * size.width * size.in;
    const BFloat16Bits* own_g = g + image * size.height * size.width * size.out;
    for (std::int64_t from = 0; from < size.height; from += most) {
      paired.rows = std::min(most, size.height - from);
      const auto pair_up_x = [&](std::int64_t column, const Scratch& out) {
        pair_up(own, size.height, size.width, size.in, from - reach, column, paired.rows + 2 * reach, pairs + 1,
                out.get());
      };
      pair_up_x(-reach, paired.even);
      if (reach > 0) pair_up_x(1 - reach, paired.odd);
      pair_up(own_g, size.height, size.width, size.out, from, 0, paired.rows, pairs, paired.g.get());
      add_gradients(size, paired, weights, bias);
    }
  }
}

#undef RECON_BF16_CODE

#else

namespace {
[[noreturn]] void not_here() { throw internal_error("convolution_kernels", "called on a processor without AVX-512"); }
}  // namespace

void pack_weights(const ConvolutionSize&, const float*, const WeightStrides&, bool, BFloat16Bits*) { not_here(); }
void convolve(const ConvolutionSize&, const BFloat16Bits*, const BFloat16Bits*, const float*, BFloat16Bits*) {
  not_here();
}
void weight_gradients(const ConvolutionSize&, const BFloat16Bits*, const BFloat16Bits*, float*, float*) { not_here(); }

#endif

}  // namespace recon
