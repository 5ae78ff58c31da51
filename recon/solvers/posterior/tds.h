#pragma once

#include <cstdint>

#include "priors/spacing.h"
#include "recon/solvers/solver.h"

namespace recon {

/// Twisted diffusion sampler (Wu et al. 2023, "Practical and asymptotically exact conditional sampling in diffusion
/// models", Algorithm 1): sequential Monte Carlo over the walk from noise. Each sample is drawn from `particles` walks
/// of its own, so samples stay independent of each other. Linear operators only.
///
/// In X = x_t / alpha_t with r = sigma_t / alpha_t, D = E[x_0 | x_t] and S_t = c(t) A A^H + noise_std² I, walks are
/// weighted by the twisting function
///
///     psi_t(X) = exp(-1/2 (y - A D)^H S_t^-1 (y - A D))
///
/// a guess of p(y | x_t), and step from r_t to r_s by the guided D_y = D + r_t² grad log psi_t (that of pigdm):
///
///     X_s = (r_s²/r_t²) X_t + (1 - r_s²/r_t²) D_y' + r_s sqrt(1 - r_s²/r_t²) z
///     log w += log psi_s(X_s) - log psi_t(X_t) + log p(X_s | X_t) - log q(X_s | X_t, y)
///
/// D_y' is D_y extrapolated to the middle of the step (dpmpp_2m: second order). q is the step taken, p the same with D
/// in the place of D_y: what the prior would do. Where the effective number of walks
/// (sum w)² / sum w² falls below `resample_below` of them, they are drawn anew by their weights (systematic
/// resampling). At the end one walk is drawn by its weight, and its D_y returned. c(t) is pigdm's, found by the
/// denoiser's Jacobian along the data, here one number for all walks of a sample.
///
/// Whatever psi and D_y are, the weights make up for it: with more and more particles and steps the draw is one of the
/// posterior, as far as S_t at the last level is the noise alone. With one particle it is pigdm of order 2 without its
/// damping. `particles` passes forward and back per step; one network call holds one walk of each entry.
class Tds final : public Solver {
 public:
  std::int64_t steps = 50;
  std::int64_t particles = 16;
  double resample_below = 0.5;
  Spacing spacing = Spacing::uniform_log_snr;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
