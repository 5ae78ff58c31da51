#include "recon/solvers/classical/tv_pdhg.h"

#include <ATen/ATen.h>

#include "recon/solvers/classical/adjoint.h"
#include "recon/solvers/classical/data_dual.h"
#include "recon/solvers/classical/image_bounds.h"
#include "recon/solvers/classical/image_gradient.h"
#include "recon/solvers/context.h"

namespace recon {
namespace {

constexpr double kTvRelaxation = 1.8;  ///< below 2; saves about a third of the iterations

}  // namespace

/// The state of the iteration. The operator is used as A / ||A||, so that one set of step lengths serves all operators.
class TvPdhg::Iteration {
 public:
  Iteration(const TvPdhg& options, SolverContext& context, const LinearOperator& op)
      : options_(options),
        bounds_{options.low, options.high},
        data_(context, op, options.weight),
        x_(bounds_.clamped(fitted_adjoint(context, op))) {
    q_ = {at::zeros_like(x_), at::zeros_like(x_)};
    if (x_.dim() == 5) q_.axial = at::zeros_like(x_);
    steps_ = primal_dual_steps(x_, context.y(), gradient_norm(x_));
  }

  const DataDual& data() const { return data_; }

  /// The image inside its bounds, which over-relaxation may overshoot.
  at::Tensor image() const { return bounds_.clamped(x_); }

  void advance() {
    const at::Tensor next = bounds_.clamped(x_ - steps_.tau * (data_.back() + image_gradient_adjoint(q_)));
    const at::Tensor ahead = 2 * next - x_;
    x_ = at::lerp(x_, next, kTvRelaxation);

    ImageGradient q = image_gradient(ahead);
    q.vertical.mul_(steps_.penalty).add_(q_.vertical);
    q.horizontal.mul_(steps_.penalty).add_(q_.horizontal);
    if (q.of_volume()) q.axial.mul_(steps_.penalty).add_(q_.axial);
    project(q);
    q_.vertical.lerp_(q.vertical, kTvRelaxation);
    q_.horizontal.lerp_(q.horizontal, kTvRelaxation);
    if (q.of_volume()) q_.axial.lerp_(q.axial, kTvRelaxation);

    data_.advance(ahead, steps_.data, kTvRelaxation);
  }

 private:
  /// Onto |q| <= 1, the dual ball of the variant.
  void project(ImageGradient& q) const {
    if (options_.variant == TvVariant::anisotropic) {
      q.vertical.div_(q.vertical.abs().clamp_min_(1));
      q.horizontal.div_(q.horizontal.abs().clamp_min_(1));
      if (q.of_volume()) q.axial.div_(q.axial.abs().clamp_min_(1));
      return;
    }
    at::Tensor length = x_.is_complex() ? at::hypot(q.vertical.abs(), q.horizontal.abs())
                                        : (q.vertical * q.vertical).addcmul_(q.horizontal, q.horizontal).sqrt_();
    if (q.of_volume()) length = at::hypot(length, q.axial.abs());
    length.clamp_min_(1);
    q.vertical.div_(length);
    q.horizontal.div_(length);
    if (q.of_volume()) q.axial.div_(length);
  }

  const TvPdhg& options_;
  ImageBounds bounds_;
  DataDual data_;
  at::Tensor x_;
  ImageGradient q_;
  PrimalDualSteps steps_;
};

void TvPdhg::visit(ParameterVisitor& v) {
  v.field("weight", weight, "weight of TV against 1/2 ||y - A x||²; found by chi² = 1 when absent",
          {.min = 0, .open_min = true});
  v.choice("variant", variant, "how the differences of a pixel add up");
  v.field("max_iterations", max_iterations, "iterations at most", {.min = 1});
  v.field("tolerance", tolerance, "relative change of the image over 20 iterations at which to stop",
          {.min = 0, .open_min = true});
  v.field("low", low, "lower bound of the image, in units of the prior");
  v.field("high", high, "upper bound of the image, in units of the prior");
}

at::Tensor TvPdhg::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, "solver tv_pdhg");
  ImageBounds{low, high}.require_fit(*op, "solver tv_pdhg");
  Iteration iteration(*this, context, *op);
  return run_primal_dual(
      context, {.weight = weight, .max_iterations = max_iterations, .tolerance = tolerance}, iteration.data(),
      [&] { iteration.advance(); }, [&] { return iteration.image(); });
}

}  // namespace recon
