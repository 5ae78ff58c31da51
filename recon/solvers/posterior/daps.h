#pragma once

#include <string>

#include "recon/solvers/posterior/start.h"
#include "recon/solvers/solver.h"

namespace recon {

/// Decoupled annealing (Zhang et al. 2024, "Improving diffusion inverse problem solving with decoupled noise
/// annealing", Algorithm 1). At each level t of relative noise r, falling:
///
///     c         = where `ode_steps` Euler steps of the probability-flow ODE take x_t; one step: c = E[x_0 | x_t]
///     x_0       ~ N(x_0; c, s² I) N(y; A(x_0), noise_std² I)        (data_conditional.h: exact for linear A)
///     x_s       = alpha_s x_0 + sigma_s z                           at the next level
///
/// with the true noise_std and s² = Prior::denoising_mse(r), the error that the denoiser is known to make there (r²/(1
/// + r²) of the half range where the prior has no such table). It ends on the x_0 of the cleanest level. No backward
/// pass through the network; any operator with a vjp.
///
/// What it claims: were p(x_0 | x_t) = N(c, s² I), every x_t would have the exact law p(x_t | y). It is not isotropic,
/// so there is a bias, which falls as the levels become denser: at low noise s² = r² is right along every direction
/// that the prior knows, and there the steps repeat a Gibbs sampler of the exact posterior (pnp_dm.h).
/// That needs c = E[x_0 | x_t]. The end point of the ODE, which the paper takes, already varies as a sample does;
/// the data step adds s² once more, and in the limit of dense levels the variance comes out doubled along directions
/// that are not measured. Hence `ode_steps: 1`; more steps give sharper centers at high noise, for operators with
/// several modes.
class Daps final : public Solver {
 public:
  std::int64_t steps = 100;
  std::int64_t ode_steps = 1;
  std::int64_t langevin_steps = 100;
  Spacing spacing = Spacing::uniform_log_snr;
  Start start;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
