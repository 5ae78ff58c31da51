#include "operators/noise.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <bit>

#include "operators/poisson_sampler.h"
#include "recon/core/error.h"
#include "recon/core/philox.h"

namespace recon {
namespace {

void require_valid(const Noise& noise, const at::Tensor& data) {
  const std::string fault = noise.fault(data.size(0), scalar_kind_of(data));
  if (!fault.empty()) throw usage_error("noise", "{}", fault);
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

at::Tensor with_noise(const Noise& noise, const at::Tensor& clean, const Rng& rng, const std::vector<StreamKey>& keys,
                      const at::Tensor& support) {
  if (keys.size() != static_cast<std::size_t>(clean.size(0))) {
    throw internal_error("with_noise", "expected {} stream keys, got {}", clean.size(0), keys.size());
  }
  require_valid(noise, clean);
  if (noise.type == NoiseType::none) return clean.clone();
  at::Tensor noisy = clean;
  if (noise.counts_photons()) {
    noisy = poisson_counts(clean.to(at::kCPU, at::kDouble).clamp_min(0) * noise.peak, rng, keys)
                .div_(noise.peak)
                .to(clean.options());
  }
  if (noise.has_std()) {
    noisy = noisy + rng.normal(keys, 0, spec_of_item(clean), clean.options()) * per_item(noise.std, clean);
  }
  if (!support.defined()) return noisy;
  return at::where(support.to(clean.device()) != 0, noisy, clean);
}

at::Tensor noise_variance(const Noise& noise, const at::Tensor& expected, double darkest) {
  require_valid(noise, expected);
  at::Tensor variance;
  if (noise.has_std()) variance = per_item(noise.std, expected).square();
  if (noise.counts_photons()) {
    const at::Tensor of_photons = expected.clamp_min(darkest / noise.peak) / noise.peak;
    variance = variance.defined() ? variance + of_photons : of_photons;
  }
  if (variance.defined()) return variance;
  throw usage_error("noise", "noise 'none' has no variance to weigh residuals by; state the noise of the measurement");
}

}  // namespace recon
