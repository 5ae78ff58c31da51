#include "priors/samplers/reverse_sde.h"

#include <ATen/ATen.h>

#include <cmath>

namespace recon {

ReverseSde::ReverseSde() {
  steps = 1000;
  spacing = Spacing::uniform_t;
}

Sampler::Stepped ReverseSde::step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
                                  const at::Tensor&) const {
  const NoiseLevel &from = reverse.levels[i], &to = reverse.levels[i + 1];
  const at::Tensor x0 = reverse.denoise(x, from);
  if (!(to.sigma > 0)) return {.x = to.alpha * x0, .x0 = x0};
  const double t = reverse.process.time_of(from.relative_sigma());
  const double h = t - reverse.process.time_of(to.relative_sigma());
  const SdeCoefficients sde = reverse.process.sde(t);
  const at::Tensor score = (from.alpha * x0 - x) / (from.sigma * from.sigma);
  const at::Tensor z = reverse.noise(kSamplingStream, static_cast<std::int64_t>(i) + 1);
  return {.x = x + h * (sde.g_squared * score - sde.f * x) + std::sqrt(h * sde.g_squared) * z, .x0 = x0};
}

}  // namespace recon
