#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "recon/core/tensor_spec.h"
#include "recon/core/words.h"

namespace recon {

/// Of what sort the noise of a measurement is, see Noise.
enum class NoiseType { none, gaussian, poisson, poisson_gaussian };
constexpr auto words_of(NoiseType) {
  using enum NoiseType;
  return std::to_array<Word<NoiseType>>(
      {{none, "none"}, {gaussian, "gaussian"}, {poisson, "poisson"}, {poisson_gaussian, "poisson_gaussian"}});
}

/// The noise of a measurement, as configs and files state it: y = A(x) + n. operators/noise.h draws and weighs it.
///
/// gaussian: n ~ N(0, std²) per REAL component (complex data have `std` on the real and on the imaginary part each).
/// poisson: y = Poisson(peak * max(A(x), 0)) / peak, real data only.
/// poisson_gaussian: both, the photons and the read noise of a camera: y = Poisson(peak * max(A(x), 0)) / peak +
/// N(0, std²), real data only. A camera's gain (signal per photon, in the units of A(x)) is 1 / peak, its read noise in
/// those units is std (Foi et al., IEEE Trans. Image Processing 17(10), 2008, section II).
/// none: y = A(x).
struct Noise {
  NoiseType type = NoiseType::none;
  std::vector<double> std = {};  ///< gaussian, poisson_gaussian: one value, or one per item, in the units of y
  double peak = 0;               ///< poisson, poisson_gaussian: photons at intensity 1

  bool has_std() const { return type == NoiseType::gaussian || type == NoiseType::poisson_gaussian; }
  bool counts_photons() const { return type == NoiseType::poisson || type == NoiseType::poisson_gaussian; }
  double std_of(std::size_t item) const;  ///< of one item; Error(usage) when the noise has none

  /// What is wrong with it as the noise of `items` items of such data: "expected ..., got ..."; empty when nothing is.
  std::string fault(std::int64_t items, ScalarKind data) const;

  bool operator==(const Noise&) const = default;
};

/// Gaussian noise whose entries are correlated, in one of two ways; per REAL component (complex noise: E[n n^H] / 2, as
/// `std`). operators/noise_correlation.h draws and whitens it.
struct NoiseCorrelation {
  /// [K, K], Hermitian: between the channels of y [K, ...] (coils, bands), the same everywhere.
  at::Tensor covariance = {};
  /// [H, W], real: the variance of every frequency under the unitary transform of the last two axes, the zero frequency
  /// at [H/2, W/2], the same in all channels. White noise of standard deviation s has s² everywhere; the mean is the
  /// variance of an entry. Of real data it is symmetric.
  at::Tensor spectrum = {};

  bool defined() const { return covariance.defined() || spectrum.defined(); }
  /// What is wrong with it as the noise of such data: "expected ..., got ..."; empty when nothing is.
  std::string fault(const TensorSpec& measurement) const;
  /// One level that stands for all, s with 1 / s² the mean of 1 / eigenvalue: whitening to it leaves the energy of what
  /// is measured as it is on average.
  double typical_std() const;
  /// That of factor y.
  NoiseCorrelation scaled(double factor) const;
};

/// What is wrong with standard deviations of single entries (positive; NaN or infinite where nothing was measured):
/// "expected ..., got ..."; empty when nothing is.
std::string std_map_fault(const at::Tensor& std_map);
/// One level that stands for all, s with 1 / s² the mean of 1 / std² over the entries that are measured: whitening by
/// s / std leaves the energy of what is measured as it is.
double typical_std(const at::Tensor& std_map);

NoiseType noise_type_from(const std::string& text);  ///< throws Error(data) naming the known ones

}  // namespace recon
