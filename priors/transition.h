#pragma once

#include "priors/noise_schedule.h"

namespace recon {

/// One step back along the process given x_t and x_0: x_s = x0_weight x_0 + xt_weight x_t + noise_std z, z ~ N(0, I).
struct Transition {
  double x0_weight, xt_weight, noise_std;
};

/// The step from level t = `from` to a cleaner level s = `to`, of any process and between any two levels:
///
///     noise_std² = eta² sigma_s² (1 - r_s²/r_t²),   r = sigma / alpha
///     xt_weight  = sqrt(sigma_s² - noise_std²) / sigma_t,   x0_weight = alpha_s - alpha_t xt_weight
///
/// eta = 1 is the posterior q(x_s | x_t, x_0): DDPM's ancestral step with variance beta_tilde (Ho et al. 2020, eq. 7),
/// eta = 0 the deterministic DDIM step (Song et al. 2021, "Denoising diffusion implicit models", eq. 12). Any eta keeps
/// the marginal N(alpha_s x_0, sigma_s² I). Throws Error(internal) unless r_t > r_s and eta is in [0, 1].
Transition reverse_transition(const NoiseLevel& from, const NoiseLevel& to, double eta = 1);

}  // namespace recon
