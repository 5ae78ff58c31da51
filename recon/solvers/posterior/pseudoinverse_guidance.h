#pragma once

#include <ATen/core/Tensor.h>

#include "operators/operator.h"
#include "recon/solvers/context.h"

namespace recon {

/// What the data say of a denoised image D = E[x_0 | x_t] when x_0 | x_t has the covariance c I: with
/// S = c A A^H + noise I and r = y - A D (Song et al. 2023, eq. 7)
struct PseudoinverseGuidance {
  at::Tensor x0;                ///< D
  at::Tensor w;                 ///< A^H S^-1 r
  at::Tensor shift;             ///< V w, V = (sigma_t² / alpha_t) J^T: by Tweedie what the data add to D
  at::Tensor along;             ///< `[batch]` q = <w, shift> / ||w||²; 0 where w = 0
  at::Tensor per_response;      ///< `[batch]` ||w||² / ||A w||²
  at::Tensor energy;            ///< `[batch]` r^H S^-1 r, real components counted once
  at::Tensor residual_squares;  ///< `[batch]` ||r||²
};

/// The error variance c(t) of a denoised image along the data, one number per entry, `[batch]` float64: learnt at one
/// level of noise by the denoiser's Jacobian, known at all. With q = (sigma_t² / alpha_t) <w, J^T w> / ||w||² at r_t it
/// is 1 / (n + 1/r²), n = max(1/q - 1/r_t², 0). Before the first look it is Prior::denoising_mse.
class ErrorVariance {
 public:
  explicit ErrorVariance(const SolverContext& context) : prior_(context.prior()), like_(context.y()) {}

  at::Tensor at_level(const NoiseLevel& level) const;
  /// From `along`, q in the direction of the guidance at `level`.
  void learn(const at::Tensor& along, const NoiseLevel& level);
  /// The guidance of `level` with c I in the place of V, in the entries where V is no covariance along w. One between
  /// 0 and r² has ||V w||² <= r² <w, V w>, and q is not below the denoiser's mean squared error; where both fail, the
  /// guidance would lead away from the data: a network that takes a star for noise pushes it further down.
  PseudoinverseGuidance with_covariance(PseudoinverseGuidance guidance, const NoiseLevel& level) const;

 private:
  double least_at(const NoiseLevel& level) const;  ///< the denoiser's mean squared error, between 1e-6 r² and r²

  const Prior& prior_;
  const at::Tensor& like_;
  at::Tensor added_precision_;
};

/// One pass and its pullback. `c` and `noise` are variances `[batch]` float64.
PseudoinverseGuidance pseudoinverse_guidance(SolverContext& context, const LinearOperator& op, const at::Tensor& x_t,
                                             const NoiseLevel& level, const at::Tensor& c, const at::Tensor& noise);

}  // namespace recon
