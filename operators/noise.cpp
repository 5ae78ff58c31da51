#include "operators/noise.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <bit>

#include "operators/poisson_sampler.h"
#include "recon/core/error.h"
#include "recon/core/philox.h"

namespace recon {
namespace {

void check_gaussian(const Noise& noise, std::int64_t batch) {
  if (noise.std.size() != 1 && noise.std.size() != static_cast<std::size_t>(batch)) {
    throw usage_error("noise", "expected one std, or one per item ({}), got {}", batch, noise.std.size());
  }
  for (const double std : noise.std) {
    if (!std::isfinite(std) || std < 0) throw usage_error("noise", "std must be finite and >= 0, got {}", std);
  }
}

void check_poisson(const Noise& noise, const at::Tensor& data) {
  if (!std::isfinite(noise.peak) || noise.peak <= 0) {
    throw usage_error("noise", "poisson noise needs a finite peak > 0 (photons at intensity 1), got {}", noise.peak);
  }
  if (data.is_complex()) {
    throw usage_error("noise", "poisson noise counts photons and needs real data, got complex; use gaussian");
  }
}

/// A Philox key of the sampler's own, drawn from the item's stream: rejection needs as many numbers as it needs.
std::uint64_t sampler_key(const Rng& rng, const StreamKey& key) {
  const at::Tensor draws = rng.uniform({key}, 0, {{2}, ScalarKind::real});
  const auto* values = draws.const_data_ptr<double>();
  return philox::mix(philox::mix(std::bit_cast<std::uint64_t>(values[0])) ^ std::bit_cast<std::uint64_t>(values[1]));
}

at::Tensor poisson_counts(const at::Tensor& means, const Rng& rng, const std::vector<StreamKey>& keys) {
  const at::Tensor mean = resolved(means.to(at::kCPU, at::kDouble));
  const at::Tensor counts = at::empty_like(mean);
  const std::int64_t per_item = mean.numel() / mean.size(0);
  for (std::int64_t item = 0; item < mean.size(0); ++item) {
    const std::uint64_t key = sampler_key(rng, keys[static_cast<std::size_t>(item)]);
    const double* in = mean.const_data_ptr<double>() + item * per_item;
    double* out = counts.data_ptr<double>() + item * per_item;
    constexpr std::int64_t grain = 1024;
    at::parallel_for(0, per_item, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) out[i] = poisson(in[i], key, static_cast<std::uint64_t>(i));
    });
  }
  return counts;
}

}  // namespace

double Noise::std_of(std::size_t item) const {
  if (!has_std() || std.empty()) throw usage_error("noise", "{} noise has no std", to_string(type));
  if (std.size() == 1) return std[0];
  if (item >= std.size()) throw usage_error("noise", "no std for item {}: {} are given", item, std.size());
  return std[item];
}

at::Tensor Noise::simulate(const at::Tensor& clean, const Rng& rng, const std::vector<StreamKey>& keys,
                           const at::Tensor& support) const {
  if (keys.size() != static_cast<std::size_t>(clean.size(0))) {
    throw internal_error("Noise::simulate", "expected {} stream keys, got {}", clean.size(0), keys.size());
  }
  const at::Tensor mean = background.defined() ? clean + background.to(clean.options()) : clean;
  at::Tensor noisy = mean;
  if (counts_photons()) {
    check_poisson(*this, clean);
    noisy =
        poisson_counts(mean.to(at::kCPU, at::kDouble).clamp_min(0) * peak, rng, keys).div_(peak).to(clean.options());
  }
  if (has_std()) {
    check_gaussian(*this, clean.size(0));
    noisy = noisy + rng.normal(keys, 0, spec_of_item(clean), clean.options()) * per_item(std, clean);
  }
  if (type == NoiseType::none) return mean.clone();
  if (!support.defined()) return noisy;
  return at::where(support.to(clean.device()) != 0, noisy, clean);
}

at::Tensor Noise::variance(const at::Tensor& expected, double darkest) const {
  at::Tensor variance;
  if (has_std()) {
    check_gaussian(*this, expected.size(0));
    variance = per_item(std, expected).square();
  }
  if (counts_photons()) {
    check_poisson(*this, expected);
    const at::Tensor of_photons = expected.clamp_min(darkest / peak) / peak;
    variance = variance.defined() ? variance + of_photons : of_photons;
  }
  if (variance.defined()) return variance;
  throw usage_error("noise", "noise 'none' has no variance to weigh residuals by; state the noise of the measurement");
}

std::string to_string(NoiseType type) {
  switch (type) {
    case NoiseType::none:
      return "none";
    case NoiseType::gaussian:
      return "gaussian";
    case NoiseType::poisson:
      return "poisson";
    case NoiseType::poisson_gaussian:
      return "poisson_gaussian";
  }
  throw internal_error("NoiseType", "value {} is not one of the enumerators", static_cast<int>(type));
}

NoiseType noise_type_from(const std::string& text) {
  for (const auto type : {NoiseType::none, NoiseType::gaussian, NoiseType::poisson, NoiseType::poisson_gaussian}) {
    if (to_string(type) == text) return type;
  }
  throw data_error("noise", "expected type none, gaussian, poisson or poisson_gaussian, got '{}'", text);
}

}  // namespace recon
