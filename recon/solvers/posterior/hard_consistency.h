#pragma once

#include <cstdint>
#include <string>

#include "recon/solvers/posterior/start.h"
#include "recon/solvers/solver.h"

namespace recon {

/// Hard data consistency (Song et al. 2024, "Solving inverse problems with latent diffusion models via hard data
/// consistency", in pixel space): at each level the denoised image is changed until the data are explained up to their
/// noise, and noised again. Any operator with a vjp; no backward pass through the network.
///
///     D    = E[x_0 | x_t]
///     x_0  = D brought to  ||y - A(x)||² <= noise_std² Q,  Q the `quantile` of chi² with m degrees of freedom
///     x_s  = alpha_s x_0 + sigma_s z                                              at the next level
///
/// The data step goes along conjugate gradients of ||y - A(x)||² (Polak & Ribiere), d, one vjp each, with the step
/// length known in closed form from one product with the Jacobian, J d (exact for linear A, a central difference
/// otherwise): the least tau with ||r - tau J d||² = noise_std² Q where there is one, else <r, J d> / ||J d||², the
/// minimum. It stops when the budget is met or no longer approached, after `data_steps` at most. For linear A these are
/// the iterates of conjugate gradients from D, which approach the budget along the directions that the data know best.
/// Q by Wilson & Hilferty (1931); for m of some thousands it is m, so chi² ends at 1 for any noise, and no step length
/// or weight is set by hand. Noise-free data get the budget of a noise of 1e-3 of half the prior's range.
///
/// x_t is noised afresh and holds the data once, in D; the data step adds them again. So the result has the mean of the
/// posterior but 1/sqrt(2) of its standard deviation, as DiffPIR's: no uncertainty. Figures:
/// recon/docs/measurements.md.
class HardConsistency final : public Solver {
 public:
  std::int64_t steps = 50;
  double quantile = 0.5;
  std::int64_t data_steps = 50;
  Spacing spacing = Spacing::uniform_log_snr;
  Start start;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
