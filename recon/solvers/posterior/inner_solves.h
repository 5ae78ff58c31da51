#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "operators/operator.h"
#include "recon/solvers/context.h"

namespace recon {

/// E[x_0 | x_t, y] where x_0 | x_t is Gaussian around D = E[x_0 | x_t] with the covariance V = (sigma_t² / alpha_t) J,
/// J = d D / d x_t (Rozet et al. 2024, "Learning diffusion priors from observations by expectation maximization",
/// moment matching posterior sampling):
///
///     B u = r,   B = noise_std² I + A V A^H,   r = y - A(D),      D_y = D + V A^H u
///
/// by `solves` steps of preconditioned conjugate gradients, one vector-Jacobian product of the network each; D_y is a
/// sum of the same products and costs none. For non-linear operators A is their derivative at D. After k steps D_y is
/// the exact mean given k linear combinations of the data: what is left out makes it less certain, not wrong.
///
/// J of a network is not symmetric, and only J^T is at hand: V is (sigma_t² / alpha_t) J^T, every direction is made
/// conjugate to all before it in the symmetric part of B. An item stops at a direction g = A^H p along which V is no
/// covariance (<g, V g> <= 0, ||V g||² > 8 r_t² <g, V g>, or a step that overshoots its data), and where its residual
/// is rounding; its scalars are its own.
///
/// The preconditioner takes V as c(t) I, c the denoiser's mean squared error: (noise_std² + c A A^H)^-1 for linear
/// operators, by their closed form where they have one; projections: their inverse filter (data_weight.h); none for
/// others. Noise below 1e-3 of half the prior's range counts as that much (data_step.h).
class InnerSolves {
 public:
  /// Keeps a reference to `context`; solves >= 1.
  InnerSolves(SolverContext& context, std::int64_t solves);

  struct Conditioned {
    at::Tensor shift;             ///< D_y - D, `[batch, C, H, W]`
    at::Tensor residual_squares;  ///< `[batch]` ||r||²
  };
  Conditioned at_level(const Linearized& denoised, const NoiseLevel& level);

 private:
  struct Direction {
    at::Tensor data;   ///< p
    at::Tensor image;  ///< A^H p
  };
  /// The preconditioner times q, with c for V.
  Direction preconditioned(const at::Tensor& q, const at::Tensor& x0, double c);

  SolverContext& context_;
  std::int64_t solves_;
  LinearOperatorPtr linear_;  ///< null for other operators
  at::Tensor noise_;          ///< `[batch]`, float64
  at::Tensor filtered_gain_;  ///< `[batch]` ||A||_F² / m where A knows its inverse filter; else undefined
};

}  // namespace recon
