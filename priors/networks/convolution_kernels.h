#pragma once

#include <cstdint>

namespace recon {

// Convolutions in bfloat16 with sums in float32, for processors of has_avx512_bfloat16() only. Images lie channels
// last, [B, H, W, C]; numbers of channels are multiples of 16. The picture is padded with zeros: it keeps its size.

using BFloat16Bits = std::uint16_t;

/// Images [images, height, width, in] become [images, height, width, out].
struct ConvolutionSize {
  std::int64_t images, height, width, in, out;  ///< channels in and out
  std::int64_t side;                            ///< of the kernel, 1 or 3
  std::int64_t weights() const { return side * side * in * out; }
};

/// In entries of the array.
struct WeightStrides {
  std::int64_t out, in, row, column;
};

/// The weights [out, in, side, side] in the order in which convolve() reads them, rounded: up to 64 outputs at a time,
/// of those each tap, of that each pair of inputs, of that the outputs. `turned` by half a turn, which with the strides
/// of in and out exchanged makes them those of the adjoint.
void pack_weights(const ConvolutionSize& size, const float* weights, const WeightStrides& strides, bool turned,
                  BFloat16Bits* packed);

/// y[b, p, o] = bias[o] + sum over taps t and inputs i of weights[o, i, t] x[b, p + t, i]; no bias: nullptr.
void convolve(const ConvolutionSize& size, const BFloat16Bits* x, const BFloat16Bits* packed, const float* bias,
              BFloat16Bits* y);

/// Gradients of sum(g convolve(x)) [side, side, in, out] and [out], for g [B, H, W, out]. The same for any number of
/// threads.
void weight_gradients(const ConvolutionSize& size, const BFloat16Bits* x, const BFloat16Bits* g, float* weights,
                      float* bias);

}  // namespace recon
