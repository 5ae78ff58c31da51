#pragma once

#include <string>

#include "recon/solvers/posterior/guided_walk.h"
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
/// one vector-Jacobian product. By Tweedie it moves the denoised image to D_y = D + (sigma_t² / alpha_t) g, which takes
/// D's place in the steps of GuidedWalk: a score is a score to every sampler, where the paper adds sqrt(alpha_bar) c g
/// to the steps of DDIM. Because (sigma_t² / alpha_t) J is the true Cov[x_0 | x_t], D_y is the exact E[x_0 | x_t, y] of
/// a Gaussian prior whose covariance is c I in the directions that A sees.
///
/// `covariance` says what c is:
///     paper   r² / (1 + r²), r = sigma_t / alpha_t: right for white images of unit variance
///     auto    along the data, by the denoiser's own Jacobian: the pullback of the last pass gives the Rayleigh
///     quotient
///             q = (sigma_t² / alpha_t) <w, J^T w> / ||w||², a weighted mean of the true error variances in the
///             directions that the data pull in. Carried to the next level as for Gaussian images, by the precision
///             that the images add to the noise's: n = max(1/q - 1/r², 0), c = 1 / (n + 1/r²). The first pass starts
///             from Prior::denoising_mse. Where q turns out larger than the c that w was made with (at the start it
///             may by a hundred times), the move is shortened to the length that q would have given it, times
///             (c + noise_std² k) / (q + noise_std² k), k = ||w||² / ||A w||²: the best multiple of w (one step of
///             conjugate gradients on the exact system) where A A^H is a multiple of the identity.
///
/// Nothing is tuned. The mean squared error of the denoiser itself (Prior::denoising_mse) does not serve as c: where
/// errors are correlated, as those of photographs are, it is many times too small along the data, and the steps
/// overshoot without bound. One c per eigenvalue of A^H A gives no other means and spreads than one for all (the
/// closed-form tasks, to their sampling error of 1 to 3 %), so there is one.
///
/// Noise below 1e-3 of half the prior's range counts as that much, which keeps the system solvable in single precision.
/// The inverse is the operator's closed form where it has one, conjugate gradients otherwise.
class PiGdm final : public Solver {
 public:
  std::string covariance = "auto";
  GuidedWalk walk;

  void visit(ParameterVisitor& options) override;
  bool needs_prior() const override { return true; }
  bool is_sampler() const override { return true; }

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
