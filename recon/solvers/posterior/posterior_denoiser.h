#pragma once

#include "recon/solvers/posterior/guided_sampler.h"
#include "recon/solvers/solver.h"

namespace recon {

/// Samples by a denoiser that knows the measurement, E[x_0 | x_t, y] (Mammadov, Chung & Teh 2026, arXiv 2606.17048):
/// by Tweedie its score is that of p_t(x_t | y), so that the steps of an unconditional sampler draw from the posterior
/// itself. Nothing is guided and nothing is passed back: one forward pass per step. Linear operators only.
///
/// x_t and y are one Gaussian observation of the image (CombinedObservation, priors/linear_measurement.h). Networks
/// learn to denoise that for one family of operators and one noise by `recon train --operator`; GaussianPrior does it
/// in closed form for all. Any other prior is refused (Prior::require_knows).
///
/// The steps are a sampler's (guided_sampler.h). `steps: 1` ends on the denoised image of the noisiest level: the
/// posterior mean, in one pass. Noise below 1e-3 of half the prior's range counts as that much.
class PosteriorDenoiser final : public Solver {
 public:
  GuidedSampler sampling{.steps = 20, .order = GuidedSampler::Order::second};

  void visit(ParameterVisitor& options) override { sampling.visit(options); }

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
