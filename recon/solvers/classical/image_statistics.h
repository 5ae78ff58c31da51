#pragma once

namespace recon {

/// Pixel variance and variance of neighbouring differences of a typical photograph on [-1, 1]: first guesses only.
inline constexpr double kPixelVariance = 0.25, kDifferenceVariance = 0.01;

}  // namespace recon
