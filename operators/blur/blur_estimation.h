#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "operators/blur/blur_kernel.h"

namespace recon {

/// A number of a kernel that was found from blurred images.
struct EstimatedOption {
  std::string name;           ///< of the option: "std_px"
  double value = 0;           ///< in its unit
  double standard_error = 0;  ///< by the curvature of the likelihood
};

struct BlurEstimate {
  BlurKernel kernel;
  std::vector<EstimatedOption> options;
  double noise_std = 0;  ///< that was given, or that was found with the kernel
  /// -log likelihood in nats and half a log of the number of coefficients for each option (Schwarz 1978): of two shapes
  /// the one with less explains the same images better.
  double cost = 0;
};

/// The options of a kernel's shape that estimate_blur() can find: std_px of a gaussian, radius_px of a disk, length_px
/// and angle_deg of a motion; none of an array.
std::vector<std::string> estimable_options(KernelShape shape);
/// Throws Error(usage) at `location` unless `name` is one of them.
void require_estimable(KernelShape shape, const std::string& name, const std::string& location);

/// The numbers of a kernel that make blurred images `y` `[N, C, H, W]` most likely. All images have the same kernel k;
/// what is outside of them may be anything.
///
/// The model: the image is a stationary Gaussian whose power spectrum follows a power law of the frequency f with a
/// smooth dependence on its direction t, the noise is white. The images' periodogram P (Welch 1967: Hann windows of at
/// most 256 pixels that overlap by half) then has at each frequency an exponential law with the mean
///
///     M = |k^|² S + noise_std²,   log S = a - b log f + c cos 2t + d sin 2t + e cos 4t
///
/// and the kernel is the minimum of sum log M + P / M (Whittle 1953, "Estimation and information in stationary time
/// series"), the five numbers of S fitted for each kernel (b normal around 2.2 with std .4, c, d, e around 0 with .3,
/// a free), and noise_std with them where it is not given. First on a grid, then by halving steps. The window makes
/// about four neighbouring coefficients one; the standard errors allow for that.
///
/// Searched: std_px from .4, radius_px from .8, length_px from 3 pixels to a quarter of the shorter side, all angles.
/// What decides are frequencies above two periods per window, so a slow shading of the image does no harm; sharp edges
/// of one direction next to nothing else can pass for a motion. `unknown` are names of estimable_options(). Throws
/// Error(usage) at `location` for others, Error(data) at `location` where images are complex, not finite, smaller than
/// 32 x 32 or constant, and where the likelihood is best at an end of the search: the images do not show such a blur.
BlurEstimate estimate_blur(const at::Tensor& y, const BlurKernel& known, const std::vector<std::string>& unknown,
                           std::optional<double> noise_std, const std::string& location);

}  // namespace recon
