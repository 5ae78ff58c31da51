#include "recon/pipeline/items/item_noise.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "operators/expected_counts.h"
#include "operators/noise.h"
#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"
#include "recon/metrics/noise_level.h"

namespace recon {
namespace {

constexpr double well_lit = 20;  ///< counts that stand for their own expectation

at::Tensor measured_ones(const at::Tensor& y, const at::Tensor& support) {
  const at::Tensor ones = at::ones_like(y);
  return support.defined() ? ones * support.to(y.options()) : ones;
}

/// Whitening by `expected`, in the units of the data and with the background.
void whiten_by(ItemNoise& result, const at::Tensor& expected, const at::Tensor& support) {
  const Noise& photons = result.photons;
  const at::Tensor there = measured_ones(expected, support);
  const double measured = std::max(1.0, there.sum().item<double>());
  result.variance = noise_variance(photons, expected);
  // Entries whose true variance is below the one they are given have little to say: the mean square of what is left
  // after whitening is their share, and so is chi² of the true image.
  const at::Tensor truth = noise_variance(photons, expected, 0) * there;
  const double share = (truth / result.variance).sum().item<double>() / measured;
  const double typical = std::sqrt((result.variance * there).sum().item<double>() / measured);
  result.weights = typical / result.variance.sqrt();
  result.std = typical * std::sqrt(std::max(share, 1e-6));
}

void whiten_photons(ItemNoise& result, const Noise& noise, const at::Tensor& y, const at::Tensor& support,
                    const at::Tensor& background) {
  if (y.is_complex()) throw usage_error("noise", "poisson noise counts photons and needs real data, got complex");
  result.photons = noise;
  at::Tensor counts = y * noise.peak;
  if (background.defined()) {
    result.background = background.to(y.options()).expand(y.sizes());
    counts = counts + result.background * noise.peak;
  }
  const at::Tensor expected = expected_counts(counts, support);
  const at::Tensor there = measured_ones(y, support);
  result.dim = (there * (expected < well_lit)).sum().item<double>() > 0.1 * there.sum().item<double>();
  whiten_by(result, expected / noise.peak, support);
}

/// Entries that are not measured weigh nothing; the operator's support leaves them out.
void whiten_map(ItemNoise& result, const at::Tensor& std_map, const at::Tensor& y) {
  result.std = typical_std(std_map);
  const at::Tensor measured = at::isfinite(std_map);
  const at::Tensor std =
      at::where(measured, std_map, at::full_like(std_map, result.std)).unsqueeze(0).to(y.device(), real_dtype(y));
  result.variance = std.square();
  result.weights = result.std / std;
}

}  // namespace

at::Tensor ItemNoise::variance_at(const at::Tensor& predicted) const {
  if (!photons.counts_photons()) return variance;
  return noise_variance(photons, background.defined() ? predicted + background : predicted);
}

ItemNoise ItemNoise::at_prediction(const at::Tensor& predicted, const at::Tensor& support) const {
  ItemNoise fitted = *this;
  const at::Tensor mean = background.defined() ? predicted + background : predicted;
  whiten_by(fitted, mean.clamp_min(0), support);
  return fitted;
}

ItemNoise item_noise(const Noise& noise, std::size_t item, const at::Tensor& y, const at::Tensor& support,
                     const at::Tensor& background, const at::Tensor& std_map) {
  ItemNoise result;
  switch (noise.type) {
    case NoiseType::none:
      break;
    case NoiseType::gaussian:
      if (std_map.defined()) {
        whiten_map(result, std_map, y);
        break;
      }
      result.std = noise.std_of(item);
      if (result.std > 0) result.variance = at::full({1}, result.std * result.std, y.options().dtype(real_dtype(y)));
      break;
    case NoiseType::poisson:
    case NoiseType::poisson_gaussian:
      whiten_photons(result, noise, y, support, background);
      break;
  }
  return result;
}

at::Tensor background_of(const at::Tensor& stated, const TensorSpec& measurement, const std::string& location) {
  const at::Tensor background = stated.squeeze();
  if (background.dim() == 0 && measurement.scalar == ScalarKind::real) return background.to(at::kDouble);
  if (background.numel() != measurement.numel() || measurement.scalar == ScalarKind::complex) {
    throw usage_error(location,
                      "noise: expected a background that is a number or shaped {}, for real data, got {} for {}",
                      to_string(measurement.shape), to_string(shape_of(stated)), measurement.to_string());
  }
  return background.reshape(measurement.shape).to(at::kDouble);
}

std::string noise_level_warning(const ItemNoise& noise, const at::Tensor& y, const Operator& op) {
  constexpr double allowed = 1.5;
  if (!(noise.std > 0) || noise.weights.defined()) return "";
  const auto estimate = estimate_noise_level(y[0], op.support());
  if (!estimate || noise.std <= (allowed + 3 * estimate->relative_error) * estimate->std) return "";
  return fmt::format("the noise level {:.3g} is too high: the data themselves vary by {} at most", noise.std,
                     estimate->to_string());
}

}  // namespace recon
