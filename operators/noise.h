#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "recon/core/rng.h"

namespace recon {

enum class NoiseType { none, gaussian, poisson, poisson_gaussian };

/// The noise of a measurement: y = A(x) + background + n.
///
/// gaussian: n ~ N(0, std²) per REAL component (complex data have `std` on the real and on the imaginary part each).
/// poisson: y = Poisson(peak * max(A(x) + background, 0)) / peak, real data only.
/// poisson_gaussian: both, the photons and the read noise of a camera: y = Poisson(peak * max(A(x) + background, 0)) /
/// peak + N(0, std²), real data only. A camera's gain (signal per photon, in the units of A(x)) is 1 / peak, its read
/// noise in those units is std (Foi et al., IEEE Trans. Image Processing 17(10), 2008, section II). none: y = A(x) +
/// background.
struct Noise {
  NoiseType type = NoiseType::none;
  std::vector<double> std = {};  ///< gaussian, poisson_gaussian: one value, or one per item
  double peak = 0;               ///< poisson, poisson_gaussian: photons at intensity 1
  at::Tensor background = {};    ///< what is measured of a black image (sky, dark current, offset): a number [] or
                                 ///< [range...], in the units of the data; undefined: nothing

  bool has_std() const { return type == NoiseType::gaussian || type == NoiseType::poisson_gaussian; }
  bool counts_photons() const { return type == NoiseType::poisson || type == NoiseType::poisson_gaussian; }

  /// Noisy data of `clean` [batch, range...]; one key per item. `support` is Operator::support(): where it is 0 nothing
  /// is measured and no noise is added. Poisson draws: own sampler on Philox (see noise.cpp), the same numbers for any
  /// batch and thread count. Throws Error(usage) for a bad std or peak and for photons on complex data.
  at::Tensor simulate(const at::Tensor& clean, const Rng& rng, const std::vector<StreamKey>& keys,
                      const at::Tensor& support = {}) const;

  /// Variance per real component, broadcastable to `expected` [batch, range...]. For photons it is that of the expected
  /// value, background included: max(expected, darkest / peak) / peak, plus std² of the read noise if there is any.
  /// What stands in for the unknown expectation is the caller's choice: the data themselves (the weighted least squares
  /// of Chung et al. 2023, Algorithm 2, up to their factor 2) are biased where counts are few; expected_counts.h and
  /// the data of an estimate A(x) are not. none: Error(usage), there is nothing to weigh by.
  at::Tensor variance(const at::Tensor& expected, double darkest = 1) const;

  double std_of(std::size_t item) const;  ///< of one item; Error(usage) when the noise has none
};

std::string to_string(NoiseType type);
NoiseType noise_type_from(const std::string& text);  ///< throws Error(data) naming the known ones

}  // namespace recon
