#include "priors/samplers/ddpm.h"

#include <ATen/ATen.h>

#include "recon/core/error.h"

namespace recon {

Ddpm::Ddpm() {
  steps = 1000;
  spacing = Spacing::uniform_t;
}

void Ddpm::visit_own(ParameterVisitor& v) {
  v.choice("variance", variance, "of the noise: beta_tilde, beta, or what the network says between them");
}

at::Tensor Ddpm::scaled_noise(const at::Tensor& z, const NoiseLevel& from, const NoiseLevel& to,
                              const at::Tensor& variance_fraction) const {
  const double small_std = reverse_transition(from, to).noise_std;
  const double large_std = small_std * from.sigma / to.sigma;
  if (variance == Variance::fixed_small) return small_std * z;
  if (variance == Variance::fixed_large) return large_std * z;
  return (variance_fraction * std::log(large_std / small_std)).exp() * small_std * z;
}

Sampler::Stepped Ddpm::step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
                            const at::Tensor&) const {
  const NoiseLevel &from = reverse.levels[i], &to = reverse.levels[i + 1];
  DenoisedWithVariance denoised;
  if (!needs_learned_variance()) {
    denoised.x0 = reverse.denoise(x, from);
  } else if (reverse.denoise_with_variance) {
    denoised = reverse.denoise_with_variance(x, from);
  } else {
    throw usage_error("sampler ddpm", "variance learned_range needs a prior with a learned variance; use fixed_small");
  }
  const Transition transition = reverse_transition(from, to);
  at::Tensor next = transition.x0_weight * denoised.x0 + transition.xt_weight * x;
  if (to.sigma > 0) {
    const at::Tensor z = reverse.noise(kSamplingStream, static_cast<std::int64_t>(i) + 1);
    next = next + scaled_noise(z, from, to, denoised.variance_fraction);
  }
  return {.x = next, .x0 = denoised.x0};
}

}  // namespace recon
