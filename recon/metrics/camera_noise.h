#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace recon {

/// Noise of a camera's sensor whose variance is per_signal value + constant: photons and read noise (Foi et al., IEEE
/// Trans. Image Processing 17(10), 2008, eq. 4).
struct AffineNoise {
  double per_signal = 0;  ///< >= 0: what one photon adds, in the units of the values
  double constant = 0;    ///< >= 0: variance of the read noise
};

/// That noise from the picture itself: `mosaic` [H, W] behind a Bayer mosaic, linear in the light, saturated at
/// `saturation`. All four filters have the same noise at the same value: it is of the sensor.
///
/// Of the pixels behind one filter the 2 x 2 blocks are taken, without those that hold a value <= 0 or >= 0.98
/// saturation (cut off). By their means they fall into bins of equal numbers. In each bin that quarter counts whose
/// horizontal and vertical differences are least: there is no edge, and for Gaussian noise these say nothing of the
/// diagonal difference (a - b - c + d) / 2, whose median absolute value / 0.6745 is the bin's standard deviation
/// (Donoho & Johnstone 1994). The line through the variances follows by least squares with weights 1 / variance^2 of
/// the line before, as Foi et al. weigh theirs. Nothing for fewer than 400 blocks, or when they do not vary.
std::optional<AffineNoise> estimate_camera_noise(const at::Tensor& mosaic, double saturation);

}  // namespace recon
