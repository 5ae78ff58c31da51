#pragma once

#include <string>

#include "recon/solvers/posterior/guided_sampler.h"
#include "recon/solvers/solver.h"

namespace recon {

/// Pseudoinverse-guided diffusion (Song et al. 2023, "Pseudoinverse-guided diffusion models for inverse problems").
/// Linear operators only.
///
/// x_0 | x_t is taken as Gaussian around D = E[x_0 | x_t] with the covariance c(t) I, so that y | x_t is Gaussian
/// around A D with c A A^H + noise_std² I, and the likelihood score is (their eq. 7, without their factor c)
///
///     g = J^T w,   w = A^H (c A A^H + noise_std² I)^-1 (y - A D) = (c A^H A + noise_std² I)^-1 A^H (y - A D)
///
/// one vector-Jacobian product. By Tweedie it changes the denoised image to D_y = D + (sigma_t² / alpha_t) g, which
/// takes the place of D in the steps of GuidedSampler. `covariance` says what c is, with r = sigma_t / alpha_t:
///
/// - paper: c = r² / (1 + r²), right for white images of unit variance
/// - auto: by the denoiser's own Jacobian along the data, q = (sigma_t² / alpha_t) <w, J^T w> / ||w||² of the last
///   pass, carried to the next level by n = max(1/q - 1/r², 0), c = 1 / (n + 1/r²). The first pass starts from
///   Prior::denoising_mse. Where q > c, the guidance is shortened by (c + noise_std² k) / (q + noise_std² k),
///   k = ||w||² / ||A w||². Where the Jacobian is that of no covariance along w, c I takes its place
///   (ErrorVariance::with_covariance).
///
/// Nothing is tuned. recon/docs/derivations.md says why, and why the denoiser's mean squared error is not c.
///
/// Noise below 1e-3 of half the prior's range counts as that much, which keeps the system solvable in single precision.
/// The inverse is the operator's closed form where it has one, conjugate gradients otherwise.
class PiGdm final : public Solver {
 public:
  enum class Covariance { automatic, paper };
  friend constexpr auto words_of(Covariance) {
    using enum Covariance;
    return std::to_array<Word<Covariance>>({{automatic, "auto"}, {paper, "paper"}});
  }

  Covariance covariance = Covariance::automatic;
  GuidedSampler sampling;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
