#include "recon/solvers/classical/tikhonov_cg.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "operators/conjugate_gradient.h"
#include "recon/solvers/classical/discrepancy.h"
#include "recon/solvers/classical/image_gradient.h"
#include "recon/solvers/classical/image_statistics.h"
#include "recon/solvers/classical/operator_norm.h"
#include "recon/solvers/context.h"

namespace recon {

void TikhonovCg::visit(ParameterVisitor& v) {
  v.field("weight", weight, "weight of the penalty; found by chi² = 1 when absent", {.min = 0, .open_min = true});
  v.choice("penalty", penalty, "what is kept small: differences of neighbours, or the image");
  v.field("tolerance", tolerance, "relative residual at which conjugate gradients stop", {.min = 0, .open_min = true});
  v.field("max_iterations", max_iterations, "conjugate gradient steps at most, per weight", {.min = 1});
}

at::Tensor TikhonovCg::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, "solver tikhonov_cg");
  const bool smooth = penalty == Penalty::gradient;
  const at::Tensor b = context.operate([&] { return op->adjoint(context.y()); });
  constexpr double roughly = 0.1;  // a scale of weights, no step size
  const double strong = squared_operator_norm(*op, b.options(), roughly), noise_free = 1e-6 * strong;
  // Where nothing was measured the residual is the weight times the roughness: a tiny weight needs a tiny tolerance.
  const auto tolerance_at = [&](double least) {
    return least < 1e-3 * strong ? std::clamp(0.01 * least / strong, std::min(1e-6, tolerance), tolerance) : tolerance;
  };
  const auto solve = [&](const at::Tensor& weights, const at::Tensor& start) {
    const at::Tensor weight_of = per_item(weights, b);
    const auto normal = [&](const at::Tensor& x) {
      const at::Tensor data = context.operate([&] { return op->normal(x); });
      return data + weight_of * (smooth ? image_gradient_adjoint(image_gradient(x)) : x);
    };
    const IterativeSolve accuracy{.tolerance = tolerance_at(weights.min().item<double>()),
                                  .max_iterations = max_iterations};
    return conjugate_gradient(normal, b, start, accuracy).x;
  };
  return solve_at_discrepancy(context, weight,
                              {solve, 1 / (smooth ? kDifferenceVariance : kPixelVariance), noise_free, strong});
}

}  // namespace recon
