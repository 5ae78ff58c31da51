#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

#include "operators/operator.h"
#include "recon/core/device_constant.h"
#include "recon/solvers/context.h"

namespace recon {

/// Draws from the density proportional to N(y; A(x), noise_std² I) N(x; center, variance I): the posterior of a
/// Gaussian model of the image, the denoiser's estimate and its error. The data step of `daps` and `pnp_dm`.
///
/// Linear A: an exact, independent draw. With rho = noise_std²/variance,
///
///     x = c' + (A^H A + rho)^-1 A^H (y' - A c'),   c' = center + sqrt(variance) z,   y' = y + noise_std n
///
/// (perturb and solve: Papandreou & Yuille 2010; the law is exact as far as the solve is), and where A^H A has a
/// spectral form V diag(e) V^H the noise V (e / noise_std² + 1 / variance)^(-1/2) V^H z instead, the same law.
///
/// Other operators: `langevin_steps` steps of underdamped Langevin dynamics from `center` in the splitting BAOAB
/// (Leimkuhler & Matthews 2013), one gradient each. Its positions have the exact law for a quadratic potential at any
/// stable step, so there is no bias to trade for speed; the step is 1/sqrt(L), L = ||J||²/noise_std² + 1/variance with
/// ||J|| by power iteration at the center, a half of the longest stable one, and the friction 2/sqrt(variance) damps
/// the slowest direction critically. It has forgotten its start after a few sqrt(L variance) steps.
///
/// Noise-free data count as having a noise of 1e-3 of half the prior's range.
class DataConditional {
 public:
  /// `stream` names the randomness. Keeps a reference to `context`.
  DataConditional(SolverContext& context, std::string stream, std::int64_t langevin_steps);

  /// `[batch, C, H, W]`; variance > 0. `index` numbers the draws of a solve.
  at::Tensor draw(const at::Tensor& center, double variance, std::int64_t index);

 private:
  at::Tensor draw_exactly(const at::Tensor& center, double variance, std::int64_t index);
  at::Tensor draw_by_langevin(const at::Tensor& center, double variance, std::int64_t index);

  SolverContext& context_;
  std::string stream_;
  std::int64_t langevin_steps_;
  LinearOperatorPtr linear_;  ///< null for other operators
  std::optional<SpectralForm> spectral_;
  DeviceConstant support_;     ///< of a linear operator that does not measure all of its range
  at::Tensor noise_variance_;  ///< `[batch]`, float64
};

/// How far x_0 is from E[x_0 | x_t] at relative noise r: the mean squared error per pixel that the prior states
/// (Prior::denoising_mse), r²/(1 + r²) of the squared half range where it states none.
double denoiser_variance(const Prior& prior, double r);

}  // namespace recon
