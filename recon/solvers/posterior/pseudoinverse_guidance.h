#pragma once

#include <ATen/core/Tensor.h>

#include "operators/operator.h"
#include "recon/solvers/context.h"

namespace recon {

/// The error variance c(t) of a denoised image along the data, one number per entry, `[batch]` float64: learnt at one
/// level of noise by the denoiser's Jacobian, known at all. With q = (sigma_t² / alpha_t) <w, J^T w> / ||w||² at r_t it
/// is 1 / (n + 1/r²), n = max(1/q - 1/r_t², 0). Before the first look it is Prior::denoising_mse.
class ErrorVariance {
 public:
  explicit ErrorVariance(const SolverContext& context) : prior_(context.prior()), like_(context.y()) {}

  at::Tensor at_level(const NoiseLevel& level) const;
  /// From `along`, q in the direction of the guidance at `level`.
  void learn(const at::Tensor& along, const NoiseLevel& level);

 private:
  const Prior& prior_;
  const at::Tensor& like_;
  at::Tensor added_precision_;
};

/// What the data say of a denoised image D = E[x_0 | x_t] when x_0 | x_t has the covariance c I: with
/// S = c A A^H + noise I and r = y - A D (Song et al. 2023, eq. 7)
struct PseudoinverseGuidance {
  at::Tensor x0;                ///< D
  at::Tensor shift;             ///< (sigma_t² / alpha_t) J^T w, w = A^H S^-1 r: by Tweedie what the data add to D
  at::Tensor along;             ///< `[batch]` q = <w, shift> / ||w||²; 0 where w = 0
  at::Tensor per_response;      ///< `[batch]` ||w||² / ||A w||²
  at::Tensor energy;            ///< `[batch]` r^H S^-1 r, real components counted once
  at::Tensor residual_squares;  ///< `[batch]` ||r||²
};

/// One pass and its pullback. `c` and `noise` are variances `[batch]` float64.
PseudoinverseGuidance pseudoinverse_guidance(SolverContext& context, const LinearOperator& op, const at::Tensor& x_t,
                                             const NoiseLevel& level, const at::Tensor& c, const at::Tensor& noise);

}  // namespace recon
