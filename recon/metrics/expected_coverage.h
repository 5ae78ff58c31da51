#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace recon {

/// TARP, tests of accuracy with random points (Lemos, Coogan, Hezaveh, Perreault-Levasseur 2023, "Sampling-based
/// accuracy testing of posterior estimators", algorithm 2): a ball around a reference image that reaches to the truth
/// holds a share f of the samples; over many images f is uniform if and only if (for all references) the samples are of
/// the right posterior. It sees what pixel by pixel figures do not: wrong correlations of pixels.

/// f of one image: the share of `samples` [S, ...] nearer (l2) to `reference` [...] than `truth` [...] is. Ties count
/// half. `reference` must not know the truth; another image's truth is a good one.
double share_nearer(const at::Tensor& samples, const at::Tensor& truth, const at::Tensor& reference);

struct ExpectedCoverage {
  std::vector<double> nominal;    ///< 0.1, 0.2, ..., 0.9
  std::vector<double> covered;    ///< share of the images with f below it
  std::vector<double> low, high;  ///< 5 % and 95 % of the same over 200 bootstrap draws of the images
  /// Largest |covered - nominal| over sqrt(nominal (1 - nominal) / n): below about 3 nothing is wrong that n images
  /// show.
  double worst = 0;
};
/// The curve of the shares of n >= 2 images, each in [0, 1]. S samples know f in steps of 1 / S only: each f is spread
/// evenly over its step, without which few samples would look wrong. The bootstrap's draws are fixed by `seed`.
ExpectedCoverage expected_coverage(const std::vector<double>& shares, std::int64_t samples, std::uint64_t seed);

}  // namespace recon
