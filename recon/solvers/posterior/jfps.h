#pragma once

#include <cstdint>

#include "recon/solvers/posterior/guided_sampler.h"
#include "recon/solvers/solver.h"

namespace recon {

/// Jacobian-free posterior sampling: `dps` with inner solves (inner_solves.h) whose covariance is not the network's
/// derivative but that of a stationary Gaussian with the prior's power spectrum (Prior::power_spectrum; the covariance
/// of Rozet et al. 2024, "Learning diffusion priors from observations by expectation maximization", as the library
/// azula uses it). Nothing is passed back through the network.
///
/// x_0 | x_t is Gaussian around D = E[x_0 | x_t] with
///
///     V = scale (Sigma^-1 + I / r²)^-1,   r = sigma_t / alpha_t
///
/// Sigma diagonal in the 2-D DFT, the same for all channels and for all slices of a volume. scale <= 1 makes the mean
/// variance of a pixel what the prior says its denoiser's error is (Prior::denoising_mse): a network knows more than a
/// stationary Gaussian does. D_y = D + V A^H (noise_std² I + A V A^H)^-1 (y - A D) takes the place of D in the steps of
/// GuidedSampler.
///
/// Exact for stationary Gaussian priors, as far as the steps are. Works for any operator with a vjp. Each step is one
/// pass forward and `solves` applications of the operator, its adjoint and two FFTs. Throws Error(usage) for a prior
/// that does not know its power spectrum.
class Jfps final : public Solver {
 public:
  GuidedSampler sampling{.steps = 25, .order = GuidedSampler::Order::second};
  std::int64_t solves = 10;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
