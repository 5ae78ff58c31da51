#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "recon/core/rng.h"
#include "recon/core/words.h"

namespace recon {

/// Of what sort the noise of a measurement is, see Noise.
enum class NoiseType { none, gaussian, poisson, poisson_gaussian };
constexpr auto words_of(NoiseType) {
  using enum NoiseType;
  return std::to_array<Word<NoiseType>>(
      {{none, "none"}, {gaussian, "gaussian"}, {poisson, "poisson"}, {poisson_gaussian, "poisson_gaussian"}});
}

/// The noise of a measurement: y = A(x) + n.
///
/// gaussian: n ~ N(0, std²) per REAL component (complex data have `std` on the real and on the imaginary part each).
/// poisson: y = Poisson(peak * max(A(x), 0)) / peak, real data only.
/// poisson_gaussian: both, the photons and the read noise of a camera: y = Poisson(peak * max(A(x), 0)) / peak +
/// N(0, std²), real data only. A camera's gain (signal per photon, in the units of A(x)) is 1 / peak, its read noise in
/// those units is std (Foi et al., IEEE Trans. Image Processing 17(10), 2008, section II).
/// none: y = A(x).
struct Noise {
  NoiseType type = NoiseType::none;
  std::vector<double> std = {};  ///< gaussian, poisson_gaussian: one value, or one per item
  double peak = 0;               ///< poisson, poisson_gaussian: photons at intensity 1

  bool has_std() const { return type == NoiseType::gaussian || type == NoiseType::poisson_gaussian; }
  bool counts_photons() const { return type == NoiseType::poisson || type == NoiseType::poisson_gaussian; }

  /// Noisy data of `clean` [batch, range...]; one key per item. `support` is Operator::support(): where it is 0 nothing
  /// is measured and no noise is added. Poisson draws: own sampler on Philox (see noise.cpp), the same numbers for any
  /// batch and thread count. Throws Error(usage) for a bad std or peak and for photons on complex data.
  at::Tensor simulate(const at::Tensor& clean, const Rng& rng, const std::vector<StreamKey>& keys,
                      const at::Tensor& support = {}) const;

  /// Variance per real component, broadcastable to `y` [batch, range...]. For poisson it is estimated from the data,
  /// max(y, 1/peak) / peak, plus std² of the read noise if there is any (the weighted least squares of Chung et al.
  /// 2023, Algorithm 2, up to their factor 2), so that chi² = sum |r|²/variance / m has expectation about 1; less in
  /// the dark, where read noise above 0 counts as photons (0.94 for 12 photons of read noise, 0.78 for 3). none:
  /// Error(usage), there is nothing to weigh by.
  at::Tensor variance(const at::Tensor& y) const;

  double std_of(std::size_t item) const;  ///< of one item; Error(usage) when the noise has none
};

NoiseType noise_type_from(const std::string& text);  ///< throws Error(data) naming the known ones

}  // namespace recon
