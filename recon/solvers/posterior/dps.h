#pragma once

#include "recon/solvers/posterior/guided_sampler.h"
#include "recon/solvers/solver.h"

namespace recon {

/// Diffusion posterior sampling (Chung et al. 2023, "Diffusion posterior sampling for general noisy inverse problems").
///
/// Samples the reverse process with a likelihood score, which by Tweedie changes the denoised image D = E[x_0 | x_t] to
/// D_y ~ E[x_0 | x_t, y]. D_y takes the place of D in the step. With `guidance: auto` (default) nothing is tuned.
///
/// `solves` k > 0: x_0 | x_t is Gaussian with the covariance that the denoiser's Jacobian says, and D_y comes from k
/// conjugate gradients on the data's own system, k vector-Jacobian products (inner_solves.h). By default k = 3 for
/// linear operators, which start from the image that the data alone give (start.h), in 15 steps of order 2, spaced as
/// Karras et al. 2022 do: 15 passes forward, 45 back. From noise 25 steps of equal log r are as good.
///
/// `solves` 0, the default for other operators: with r = y - A(D), w = A'(D)^H W r and J = d D / d x_t, the guidance of
/// each step is p = J^T w, one vector-Jacobian product. W is 1 but for an operator that knows its inverse filter
/// (projections: data_weight.h). y | x_t is Gaussian around A(D) with variance v per real component, `[batch]`, and
///
///     D_y = D + (sigma_t² / alpha_t) p / v
///     v   = max( min(<r, W r> / m, s),  noise_std² + c(t) ||A||_F² / m,  k s )
///     s   = noise_std² ||W r||² / <r, W r> + (sigma_t² / alpha_t) <w, p> / <r, W r>
///
/// m is the number of measured real components, c(t) the denoiser's mean squared error (Prior::denoising_mse),
/// k = 1 - r_s²/r_t² the share of the way to D_y that the step to level s goes. recon/docs/derivations.md says where v
/// comes from. 100 steps of order 1 by default.
///
/// `guidance: constant` is Algorithm 1 of the paper: an unguided step, then, with W = 1 and one norm per entry,
///
///     norm: residual   x_s -= step_size grad ||y - A(D)||    = step_size/(2 ||r||) grad ||r||², the published code
///     norm: squared    x_s -= step_size grad ||y - A(D)||²
///
/// The steps are a sampler's (guided_sampler.h), driven by D_y as its denoiser: ddim with `eta`, dpmpp_2m for order 2,
/// or any other by `sampler`, with that sampler's own options at their defaults; `guidance: constant` shifts x after
/// each step of the former.
///
/// Works for any operator with a vjp and any noise level, noise_std = 0 included. max(1, k) backward passes for each
/// forward pass of the sampler, which by default is one per step. The last step ends on D_y, without noise. Throws
/// Error(usage) for `guidance: constant` with another sampler or with solves.
class Dps final : public Solver {
 public:
  enum class Guidance { automatic, constant };
  friend constexpr auto words_of(Guidance) {
    using enum Guidance;
    return std::to_array<Word<Guidance>>({{automatic, "auto"}, {constant, "constant"}});
  }
  enum class Norm { residual, squared };
  friend constexpr auto words_of(Norm) {
    using enum Norm;
    return std::to_array<Word<Norm>>({{residual, "residual"}, {squared, "squared"}});
  }

  GuidedSampler sampling{.steps = 0,
                         .spacing = std::nullopt,
                         .order = std::nullopt,
                         .start = {.from = std::nullopt, .relative_sigma = {}}};
  Guidance guidance = Guidance::automatic;
  Norm norm = Norm::residual;
  double step_size = 0.3;
  bool clip_mean = false;
  std::optional<std::int64_t> solves;  ///< 3 for linear operators, 0 for others and for guidance constant

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
