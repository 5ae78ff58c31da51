#pragma once

#include "priors/networks/convolution_vectors.h"

#ifdef __x86_64__

namespace recon {

// Forms of a convolution. The picture is cut into tiles of tile x tile outputs, each with the patch x patch inputs that
// it depends on; linear maps in both directions turn patches and kernels into patch² points each, where the convolution
// is a product of numbers: output = outputs(inputs(x) kernel(w)). The gradients take the transposed maps. Each map
// goes from vectors `from_step` apart to vectors `to_step` apart.

/// A kernel of 1x1: every pixel is its own tile and point.
struct Pointwise {
  static constexpr int kernel = 1, tile = 1, patch = 1;
  RECON_CONVOLUTION_CODE static inline void same(const __m512* from, int, __m512* to, int) { to[0] = from[0]; }
  static constexpr auto inputs = same, outputs = same, outputs_transposed = same, weights = same,
                        weights_transposed = same;
};

/// A kernel of 3x3 with 16 products for four outputs in place of 36: F(2x2, 3x3) of Lavin and Gray (2016), Fast
/// Algorithms for Convolutional Neural Networks, section 4.1. Points are rounded, to bfloat16 where that is asked for.
struct Winograd {
  static constexpr int kernel = 3, tile = 2, patch = 4;
  RECON_CONVOLUTION_CODE static inline void inputs(const __m512* from, int step, __m512* to, int to_step) {
    const __m512 d0 = from[0], d1 = from[step], d2 = from[2 * step], d3 = from[3 * step];
    to[0] = d0 - d2, to[to_step] = d1 + d2, to[2 * to_step] = d2 - d1, to[3 * to_step] = d1 - d3;
  }
  RECON_CONVOLUTION_CODE static inline void outputs(const __m512* from, int step, __m512* to, int to_step) {
    const __m512 m1 = from[step], m2 = from[2 * step];
    to[0] = from[0] + m1 + m2, to[to_step] = m1 - m2 - from[3 * step];
  }
  RECON_CONVOLUTION_CODE static inline void outputs_transposed(const __m512* from, int step, __m512* to, int to_step) {
    const __m512 a = from[0], b = from[step];
    to[0] = a, to[to_step] = a + b, to[2 * to_step] = a - b, to[3 * to_step] = -b;
  }
  RECON_CONVOLUTION_CODE static inline void weights(const __m512* from, int step, __m512* to, int to_step) {
    const __m512 half = _mm512_set1_ps(.5F), ends = from[0] + from[2 * step], middle = from[step];
    const __m512 w0 = from[0], w2 = from[2 * step];
    to[0] = w0, to[to_step] = (ends + middle) * half, to[2 * to_step] = (ends - middle) * half, to[3 * to_step] = w2;
  }
  RECON_CONVOLUTION_CODE static inline void weights_transposed(const __m512* from, int step, __m512* to, int to_step) {
    const __m512 half = _mm512_set1_ps(.5F), u1 = from[step], u2 = from[2 * step];
    const __m512 sum = (u1 + u2) * half;
    to[0] = from[0] + sum, to[to_step] = (u1 - u2) * half, to[2 * to_step] = sum + from[3 * step];
  }
};

/// `Map` down the columns of From x From vectors, then along the rows: To x To.
template <int From, int To, auto Map>
RECON_CONVOLUTION_CODE inline void both_ways(const __m512* from, __m512* to) {
  __m512 between[To * From];
#pragma GCC unroll 4
  for (int c = 0; c < From; ++c) Map(from + c, From, between + c, From);
#pragma GCC unroll 4
  for (int r = 0; r < To; ++r) Map(between + From * r, 1, to + To * r, 1);
}

}  // namespace recon

#endif
