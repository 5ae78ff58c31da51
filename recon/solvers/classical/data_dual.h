#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>
#include <vector>

#include "recon/solvers/context.h"

namespace recon {

/// The data term of a primal-dual iteration (Chambolle & Pock 2011), with the operator used as A / ||A||, so that one
/// set of step lengths serves all operators: the ball ||y - A x||² <= m noise_std² (the discrepancy principle), or with
/// a `weight` 1/(2 weight) ||y - A x||², the given problem divided by its weight.
class DataDual {
 public:
  DataDual(SolverContext& context, const LinearOperator& op, const std::optional<double>& weight);

  /// A^H p / ||A||, what the dual variable does to the image.
  at::Tensor back() const;
  /// The proximal step of the conjugate at A ahead, over-relaxed.
  void advance(const at::Tensor& ahead, const at::Tensor& sigma, double relaxation);
  /// The weight of the penalised problem that has the same solution: the given one, or the inverse Lagrange multiplier
  /// ||y - A x|| / ||p|| (infinite where an unregularised part of the image fits the data alone).
  std::vector<double> weights(const at::Tensor& residual_squares) const;

 private:
  SolverContext& context_;
  const LinearOperator& op_;
  std::optional<double> weight_;
  double norm_ = 1;
  at::Tensor y_, p_, radius_;
};

/// Step lengths of a primal-dual iteration, shaped to multiply images (tau, penalty) and data, per entry.
struct PrimalDualSteps {
  at::Tensor tau, penalty, data;
};

/// Steps for the penalty operator D with ||D||² <= `penalty_norm` beside the data dual: tau (penalty ||D||² + data) =
/// 1 / 1.01, the condition of convergence, at 25 and 250 dual steps per primal step for an image of unit brightness,
/// divided by the square of the brightness of the entry's first image x (dual variables have no unit, the image has).
/// The ratios, (dual magnitude / primal magnitude)², were measured on blur, inpainting, super-resolution, Fourier and
/// denoising of a photograph with TV: a factor 10 either way costs a factor < 2.
PrimalDualSteps primal_dual_steps(const at::Tensor& x, const at::Tensor& y, double penalty_norm);

/// When a primal-dual iteration is over.
struct Settling {
  std::optional<double> weight;
  std::int64_t max_iterations = 0;
  double tolerance = 0;
};

/// Advances until every entry has settled: chi² within 1 % of its bound (where there is no weight) and the image
/// changed by less than `tolerance` (relative) over 20 iterations. An entry that has settled keeps its image. Stores
/// the weights in the report.
at::Tensor run_primal_dual(SolverContext& context, const Settling& settling, const DataDual& data,
                           const std::function<void()>& advance, const std::function<at::Tensor()>& image);

}  // namespace recon
