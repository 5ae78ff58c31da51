#pragma once

#include <ATen/core/Tensor.h>

#include "operators/operator.h"
#include "priors/empirical_prior.h"
#include "recon/solvers/solver.h"

namespace recon {

/// Draws from the exact posterior, for the priors that have one in closed form: what the other solvers are held
/// against.
///
/// EmpiricalPrior, linear A: empirical_posterior() gives the images' weights; a draw takes image k with its weight and
/// then x ~ N(y; A x, noise_std² I) N(x; a_k, width² I), both exact as far as the solves with A^H A + rho are
/// (DataConditional: relative residual 1e-5, or closed form). Non-linear A: the limit of narrow clouds, a draw is a_k
/// itself; right where width times the derivative of A is small beside the noise.
///
/// GaussianPrior, linear A: x = x* + Sigma A^H (A Sigma A^H + noise_std² I)^-1 (y + noise_std n - A x*) with x* from
/// the prior (Papandreou & Yuille 2010), by conjugate gradients in double precision.
///
/// Noise below 1e-3 of half the prior's range counts as that much. Throws Error(usage) for any other prior and
/// UnsuitableOperator for a Gaussian one with a non-linear operator. No network pass, no options.
class ExactPosterior final : public Solver {
 public:
  void visit(ParameterVisitor&) override {}

 private:
  at::Tensor run(SolverContext& context) const override;
};

/// The posterior of an image given y = A(x) + n under an empirical prior.
struct EmpiricalPosterior {
  at::Tensor weights;  ///< `[N]` float64, of the prior's images
  at::Tensor mean;     ///< `[1, C, H, W]` float64
};

/// Of one measurement `y` [1, range...]. For linear A the weights are the softmax of -energy_k / 2 with r_k = y - A
/// a_k,
///
///     energy_k = r_k^T (noise_variance I + width² A A^T)^-1 r_k = min_e ||r_k - A e||² / noise_variance + ||e||² /
///     width²
///
/// A in real components. The minimum is taken by a solve with A^H A + noise_variance / width² (closed form or conjugate
/// gradients to a relative residual of 1e-6) in double precision; the energy errs by its square. The mean is m + e of
/// the images' weighted mean m. For non-linear A, energy_k = ||y - A(a_k)||² / noise_variance and the mean is m: the
/// limit width -> 0.
EmpiricalPosterior empirical_posterior(const EmpiricalPrior& prior, const Operator& op, const at::Tensor& y,
                                       double noise_variance);

}  // namespace recon
