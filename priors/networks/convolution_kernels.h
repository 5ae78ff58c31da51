#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

namespace recon {

// Convolutions with sums in float32. Entry is float, for processors of has_avx512() only, or c10::BFloat16, for those
// of has_avx512_bfloat16(). Images lie channels last, [B, H, W, C]; numbers of channels are multiples of 16. The
// picture is padded with zeros: it keeps its size. Each image's result is the same in any batch and for any number of
// threads.

/// Images [images, height, width, in] become [images, height, width, out].
struct ConvolutionSize {
  std::int64_t images, height, width, in, out;  ///< channels in and out
  std::int64_t side;                            ///< of the kernel, 1 or 3
  std::int64_t packed() const { return (side == 1 ? 1 : 16) * in * out; }  ///< entries of pack_weights()
};

/// In entries of the array.
struct WeightStrides {
  std::int64_t out, in, row, column;
};

/// The weights [out, in, side, side] as convolve() reads them: up to 64 outputs at a time, of those each point
/// (convolution_forms.h), of that the inputs, one or a pair, of that the outputs. `turned` by half a turn, which with
/// the strides of in and out exchanged makes them those of the adjoint.
template <class Entry>
void pack_weights(const ConvolutionSize& size, const float* weights, const WeightStrides& strides, bool turned,
                  Entry* packed);

/// y[b, p, o] = bias[o] + sum over taps t and inputs i of weights[o, i, t] x[b, p + t, i]; no bias: nullptr.
template <class Entry>
void convolve(const ConvolutionSize& size, const Entry* x, const Entry* packed, const float* bias, Entry* y);

/// Gradients of sum(g convolve(x)) [side, side, in, out] and [out], for g [B, H, W, out].
template <class Entry>
void weight_gradients(const ConvolutionSize& size, const Entry* x, const Entry* g, float* weights, float* bias);

}  // namespace recon
