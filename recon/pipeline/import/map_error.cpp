#include "recon/pipeline/import/map_error.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "operators/fourier/fft.h"

namespace recon {
namespace {

at::Tensor inside(const at::Tensor& kspace, std::int64_t inner) {
  return kspace.narrow(1, inner, kspace.size(1) - 2 * inner).narrow(2, inner, kspace.size(2) - 2 * inner);
}

double energy_of(const at::Tensor& values) { return values.to(at::kComplexDouble).abs().square().sum().item<double>(); }

}  // namespace

double map_error(const at::Tensor& kspace, const at::Tensor& maps, double noise_std, std::int64_t inner) {
  const at::Tensor images = ifft2_centred(kspace.to(at::kComplexDouble)), s = maps.to(at::kComplexDouble);
  const at::Tensor weight = s.abs().square().sum(0);
  const at::Tensor x = (s.conj() * images).sum(0) / weight.clamp_min(1e-30);
  const at::Tensor left = inside(fft2_centred(images - s * x), inner);
  const auto components = 2.0 * static_cast<double>(left.numel());
  const auto coils = static_cast<double>(kspace.size(0));
  const double noise = noise_std * noise_std * (coils - 1) / coils;
  return std::sqrt(std::max(0.0, energy_of(left) / components - noise));
}

double sample_level(const at::Tensor& kspace, std::int64_t inner) {
  const at::Tensor block = inside(kspace, inner);
  const double samples = static_cast<double>(kspace.size(0)) * (block != 0).any(0).sum().item<double>();
  return samples > 0 ? std::sqrt(energy_of(block) / (2 * samples)) : 0;
}

}  // namespace recon
