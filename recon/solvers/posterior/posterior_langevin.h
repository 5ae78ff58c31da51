#pragma once

#include <string>

#include "recon/solvers/solver.h"

namespace recon {

/// Annealed Langevin dynamics on the posterior (Jalal et al. 2021, "Robust compressed sensing MRI with deep generative
/// models", eq. 4). On u = x_t / alpha, at each level of relative noise r, `inner_steps` times
///
///     u <- u + tau [ (D - u) / r² + A'(u)^H (y - A(u)) / v ] + sqrt(2 tau) z,   D = E[x_0 | x_t]
///     v   = noise_std² + r² ||A||²           (their sigma² + gamma_t²)
///     tau = step_size / (1 / r² + ||A||² / v)
///
/// (D - u)/r² is the score of the prior at that level. ||A||² is measured, so the step fits every operator, and a
/// step_size below 1 is stable. It ends on D of the last u. No backward pass through the network.
///
/// What it claims: exact as step_size -> 0, inner_steps · steps -> infinity and r -> 0, for any operator. In a finite
/// run what it draws lags behind the falling noise, as every annealed Langevin sampler does
/// (priors/samplers/langevin.h): the variance is in excess by about (step in log r) / (inner_steps · step_size) to
/// first order.
class PosteriorLangevin final : public Solver {
 public:
  std::int64_t steps = 200;
  std::int64_t inner_steps = 3;
  double step_size = 0.4;
  double start_relative_sigma = 10;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
