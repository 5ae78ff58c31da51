#include "recon/core/noise.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "recon/core/error.h"

namespace recon {

double Noise::std_of(std::size_t item) const {
  if (!has_std() || std.empty()) throw usage_error("noise", "{} noise has no std", to_string(type));
  if (std.size() == 1) return std[0];
  if (item >= std.size()) throw usage_error("noise", "no std for item {}: {} are given", item, std.size());
  return std[item];
}

std::string Noise::fault(std::int64_t items, ScalarKind data) const {
  if (has_std()) {
    if (std.size() != 1 && static_cast<std::int64_t>(std.size()) != items) {
      return fmt::format("expected one std, or one per item ({}), got {}", items, std.size());
    }
    const auto wrong = std::find_if(std.begin(), std.end(), [](double s) { return !std::isfinite(s) || s < 0; });
    if (wrong != std.end()) return fmt::format("expected std >= 0, got {}; correct it", *wrong);
  }
  if (!counts_photons()) return "";
  if (!std::isfinite(peak) || peak <= 0) {
    return fmt::format("expected peak > 0 (photons at intensity 1) for {} noise, got {}; correct it", to_string(type),
                       peak);
  }
  if (data == ScalarKind::complex) {
    return fmt::format("{} noise counts photons and needs real data, these are complex; use gaussian", to_string(type));
  }
  return "";
}

namespace {

/// Smallest eigenvalue over the largest that can be whitened in single precision.
constexpr double kLeastShare = 1e-8;
constexpr double kSymmetryError = 1e-4;

at::Tensor powers_of(const NoiseCorrelation& noise) {
  return noise.spectrum.defined()
             ? noise.spectrum.to(at::kDouble)
             : at::linalg_eigvalsh(noise.covariance.is_complex() ? noise.covariance.to(at::kComplexDouble)
                                                                 : noise.covariance.to(at::kDouble));
}

std::string powers_fault(const NoiseCorrelation& noise, const char* what) {
  const at::Tensor powers = powers_of(noise);
  const double least = powers.min().item<double>(), most = powers.max().item<double>();
  if (std::isfinite(most) && least > kLeastShare * most) return "";
  return fmt::format("expected {} > 0 (and above {:g} of the largest), got {:.3g} with a largest of {:.3g}", what,
                     kLeastShare, least, most);
}

/// Of a matrix and its conjugate transpose.
bool differ(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>() > kSymmetryError * a.abs().max().item<double>();
}

/// Of a spectrum and its mirror image, frequency by frequency: powers span orders of magnitude.
bool lopsided(const at::Tensor& centred) {
  const at::Tensor a = at::fft_ifftshift(centred), b = at::roll(a.flip({0, 1}), {1, 1}, {0, 1});
  return ((a - b).abs() > kSymmetryError * (a + b)).any().item<bool>();
}

}  // namespace

std::string NoiseCorrelation::fault(const TensorSpec& measurement) const {
  if (covariance.defined() && spectrum.defined()) return "expected a `covariance` or a `power_spectrum`, got both";
  const Shape& range = measurement.shape;
  if (covariance.defined()) {
    const Shape expected = {range.front(), range.front()};
    if (shape_of(covariance) != expected) {
      return fmt::format("expected a covariance {} of the channels of {}, got {}", to_string(expected),
                         measurement.to_string(), to_string(shape_of(covariance)));
    }
    if (covariance.is_complex() && measurement.scalar == ScalarKind::real) {
      return "expected a real covariance for real data, got a complex one";
    }
    if (differ(covariance, covariance.conj().t())) return "expected a Hermitian covariance, got another matrix";
    return powers_fault(*this, "eigenvalues of the covariance");
  }
  const bool image = range.size() == 3 && shape_of(spectrum) == Shape{range[1], range[2]};
  if (!image || spectrum.is_complex()) {
    return fmt::format("expected a real power_spectrum [H, W] of data [C, H, W], got {} for {}",
                       to_string(shape_of(spectrum)), measurement.to_string());
  }
  if (std::string fault = powers_fault(*this, "a power_spectrum"); !fault.empty()) return fault;
  if (measurement.scalar == ScalarKind::real && lopsided(spectrum)) {
    return "expected a power_spectrum of real data, P(-k) = P(k) with the zero frequency at [H/2, W/2], got another";
  }
  return "";
}

double NoiseCorrelation::typical_std() const {
  return 1 / std::sqrt(powers_of(*this).reciprocal().mean().item<double>());
}

NoiseCorrelation NoiseCorrelation::scaled(double factor) const {
  const auto times = [&](const at::Tensor& a) { return a.defined() ? a * (factor * factor) : a; };
  return {.covariance = times(covariance), .spectrum = times(spectrum)};
}

NoiseType noise_type_from(const std::string& text) {
  if (const auto type = find_word<NoiseType>(text)) return *type;
  throw data_error("noise", "expected type {}, got '{}'", alternatives(all_words<NoiseType>()), text);
}

std::string std_map_fault(const at::Tensor& std_map) {
  if (std_map.is_complex() || !std_map.is_floating_point()) {
    return fmt::format("expected real standard deviations, got {}", c10::toString(std_map.scalar_type()));
  }
  if (const auto wrong = (std_map <= 0).sum().item<std::int64_t>(); wrong > 0) {
    return fmt::format("expected standard deviations > 0 (NaN or inf where nothing was measured), got {} that are not",
                       wrong);
  }
  return at::isfinite(std_map).any().item<bool>() ? "" : "expected a measured entry at least, got none";
}

double typical_std(const at::Tensor& std_map) {
  const at::Tensor measured = std_map.masked_select(at::isfinite(std_map)).to(at::kDouble);
  return 1 / std::sqrt(measured.square().reciprocal().mean().item<double>());
}

}  // namespace recon
