#pragma once

#include <string>

#include "recon/solvers/posterior/start.h"
#include "recon/solvers/solver.h"

namespace recon {

/// Diffusion posterior sampling (Chung et al. 2023, "Diffusion posterior sampling for general noisy inverse problems").
///
/// Walks the reverse process from noise to an image. With D = E[x_0 | x_t], r = y - A(D), w = A'(D)^H W r and
/// J = d D / d x_t, each step pulls by p = J^T w, one vector-Jacobian product through the network. W is 1 but for
/// `guidance: auto` with an operator that knows its inverse filter (projections: data_weight.h):
///
/// `guidance: auto` (default) knows the noise and has no weight to tune. It models y | x_t as Gaussian around A(D) with
/// variance v per real component, so that the likelihood score p / v moves the denoised image by Tweedie to
///
///     D_y = D + (sigma_t² / alpha_t) p / v
///     v   = max( min(<r, W r> / m, s),  noise_std² + c(t) ||A||_F² / m,  k s )
///     s   = noise_std² ||W r||² / <r, W r> + (sigma_t² / alpha_t) <w, p> / <r, W r>
///
/// per entry, m the number of measured real components, c(t) the denoiser's mean squared error (Prior::denoising_mse).
/// <r, W r> / m is the evidence estimate of v; the second term keeps it from fitting the noise. s is the variance along
/// the residual that the denoiser's own Jacobian implies (one step of conjugate gradients on the posterior of Rozet et
/// al. 2024), at no cost. As an upper bound it fits rare large errors, which the evidence would take for noise. As a
/// lower bound, times the share k = 1 - r_s²/r_t² of the way to D_y that the step to level s goes, it keeps long steps
/// stable where the operator's gain is uneven (blur). D_y then takes D's place in the step. `order: 2` extrapolates it
/// from the step before (the multistep rule of Lu et al. 2022, "DPM-Solver++", with the noise of an ancestral step).
/// With an exact prior that keeps the spread of the samples right at 60 steps, where order 1 is some 5 to 10 % short;
/// with a small network it amplifies the network's errors and costs 0.1 to 0.5 dB. W makes up for the gain of
/// projections, which spans a hundredfold between coarse and fine: without it 30 views of 128² pixels are explained to
/// chi² 5.4 in 50 steps, 2.7 in 100 and 1.4 in 250, with it to 0.9.
///
/// `guidance: constant` is Algorithm 1 of the paper: an unguided step, then
///     norm: residual   x_s -= step_size grad ||y - A(D)||    = step_size/(2 ||r||) grad ||r||², the published code
///     norm: squared    x_s -= step_size grad ||y - A(D)||²
/// with one norm per entry (a norm over the batch would weaken it with the number of images).
///
/// The steps are a sampler's (priors/samplers), driven by D_y as its denoiser: ddim with `eta`, dpmpp_2m for order 2,
/// or any other by `sampler`, with that sampler's own options at their defaults; `guidance: constant` shifts x after
/// each step of the former.
///
/// Works for any operator with a vjp and any noise level, noise_std = 0 included. One backward pass for each forward
/// pass of the sampler, which by default is one per step. The last step ends on D_y, without noise.
class Dps final : public Solver {
 public:
  std::int64_t steps = 100;
  std::string guidance = "auto";
  std::string norm = "residual";
  double step_size = 0.3;
  double eta = 1;
  std::string spacing = "auto";
  std::string order = "1";
  std::string sampler = "auto";
  bool clip_mean = false;
  Start start;

  void visit(ParameterVisitor& options) override;
  bool needs_prior() const override { return true; }
  bool is_sampler() const override { return true; }

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
