#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

namespace recon {

// Group normalisation and the activation after it in two passes over memory, for processors of has_avx512() only.
// Images lie channels last, [B, P, C] for P pixels; sums are float32 over 256 pixels and double beyond. The same for any
// number of threads.

/// Images [images, pixels, channels], whose channels are normalised in `groups` of neighbours.
struct NormSize {
  std::int64_t images, pixels, channels, groups;
};

/// What is done to each channel of each image, [B, C]: z = scale x + shift, scale = weight / sqrt(variance + eps).
/// `mean` and `inverse` = 1 / sqrt(variance + eps) are those of its group.
struct NormCoefficients {
  float *scale, *shift, *mean, *inverse;
};

/// Entry is float or c10::BFloat16.
template <class Entry>
void norm_coefficients(const NormSize& size, const Entry* x, const float* weight, const float* bias, double eps,
                       const NormCoefficients& out);

/// y = z, with `silu` z / (1 + exp(-z)).
template <class Entry>
void apply_norm(const NormSize& size, const Entry* x, const NormCoefficients& coefficients, bool silu, Entry* y);

/// Gradients of sum(g y): of x [B, P, C], of weight and bias [C].
template <class Entry>
void norm_gradients(const NormSize& size, const Entry* x, const Entry* g, const NormCoefficients& coefficients,
                    const float* weight, bool silu, Entry* of_x, float* of_weight, float* of_bias);

}  // namespace recon
