#include "priors/samplers/reverse_sde.h"

#include <ATen/ATen.h>

#include <cmath>

namespace recon {
// TEMPORARY until the processes branch is merged
struct SdeCoefficients {
  double f, g_squared;
};
static SdeCoefficients sde_of(const NoiseSchedule& p, double t) {
  const double e = 1e-5 * (p.max_time() - p.min_time()), lo = std::max(t - e, p.min_time()),
               hi = std::min(t + e, p.max_time());
  const NoiseLevel a = p.at(lo), b = p.at(hi), c = p.at(t);
  const double f = std::log(b.alpha / a.alpha) / (hi - lo);
  return {f, (b.sigma * b.sigma - a.sigma * a.sigma) / (hi - lo) - 2 * f * c.sigma * c.sigma};
}

ReverseSde::ReverseSde() {
  steps = 1000;
  spacing = "uniform_t";
}

Sampler::Stepped ReverseSde::step(const Walk& walk, std::size_t i, const at::Tensor& x, const at::Tensor&) const {
  const NoiseLevel &from = walk.levels[i], &to = walk.levels[i + 1];
  const at::Tensor x0 = walk.denoise(x, from);
  if (!(to.sigma > 0)) return {.x = to.alpha * x0, .x0 = x0};
  const double t = walk.process.time_of(from.relative_sigma());
  const double h = t - walk.process.time_of(to.relative_sigma());
  const SdeCoefficients sde = sde_of(walk.process, t);
  const at::Tensor score = (from.alpha * x0 - x) / (from.sigma * from.sigma);
  const at::Tensor z = walk.noise(kWalkStream, static_cast<std::int64_t>(i) + 1);
  return {.x = x + h * (sde.g_squared * score - sde.f * x) + std::sqrt(h * sde.g_squared) * z, .x0 = x0};
}

}  // namespace recon
