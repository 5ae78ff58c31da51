#pragma once

#include <string>

#include "recon/solvers/solver.h"

namespace recon {

/// Split Gibbs sampling (Wu et al. 2024, "Principled probabilistic imaging using diffusion models as plug-and-play
/// priors", Algorithm 1). Splits the image in two, x of the prior and z of the data, tied by N(x - z; 0, rho² I), and
/// draws them in turn while rho falls geometrically over `steps`:
///
///     z ~ N(y; A(z), noise_std² I) N(z; x, rho² I)          (data_conditional.h: exact for linear A)
///     x ~ p(x) N(x; z, rho² I)                              the reverse diffusion from x_t = alpha z at r = rho
///
/// The second is the posterior of denoising: any *stochastic* sampler of the prior, started at the level whose relative
/// sigma is rho, draws from it (the ODE would not). It takes `prior_steps` network steps from the largest rho, and from
/// a smaller one as many as its share of the logarithm, at least one.
///
/// What it claims: at a fixed rho the law of x converges to p(x) times the likelihood blurred by rho, hence to the
/// exact posterior as rho falls to 0, for steps -> infinity first and prior_steps -> infinity. In a finite run the
/// chain stops mixing where rho² falls below the posterior's variance times the share of rho lost per step, so the
/// excess of the variance is of first order in 1/steps. The result is the last x.
class PnpDm final : public Solver {
 public:
  std::int64_t steps = 100;
  std::int64_t prior_steps = 4;
  double start_relative_sigma = 10;
  double end_relative_sigma = 0;
  std::int64_t langevin_steps = 100;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
