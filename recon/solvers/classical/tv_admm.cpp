#include "recon/solvers/classical/tv_admm.h"

#include <ATen/ATen.h>

#include <limits>

#include "operators/conjugate_gradient.h"
#include "recon/core/per_entry.h"
#include "recon/solvers/classical/adjoint.h"
#include "recon/solvers/classical/discrepancy.h"
#include "recon/solvers/classical/image_bounds.h"
#include "recon/solvers/classical/image_gradient.h"
#include "recon/solvers/classical/operator_norm.h"
#include "recon/solvers/context.h"
#include "recon/solvers/volumes.h"

namespace recon {
namespace {

constexpr double kAdmmRelaxation = 1.6;     ///< Boyd et al.: 1.5 to 1.8
constexpr std::int64_t kBalanceEvery = 5;   ///< iterations between changes of rho
constexpr std::int64_t kLastBalance = 100;  ///< convergence is certain for finitely many changes only
constexpr double kUnbalanced = 2, kMaxChange = 4;
constexpr double kInnerShare = 0.1;  ///< tolerance of conjugate gradients / tolerance of the iteration
constexpr std::int64_t kInnerIterations = 100;
constexpr double kStrongTv = 0.1;            ///< over ||A||²
constexpr double kTvWeightPerVariance = 10;  ///< first guess: 1 / the mean gradient of a photograph on [-1, 1]

}  // namespace

/// What goes on from weight to weight: image, split variables, duals and penalties of the batch.
class TvAdmm::Iteration {
 public:
  Iteration(const TvAdmm& options, SolverContext& context, const LinearOperator& op)
      : options_(options), context_(context), op_(op), bounds_{options.low, options.high}, bounded_(bounds_.any()) {
    b_ = context.operate([&] { return op.adjoint(context.y()); });
    x_ = v_ = bounds_.clamped(fitted_adjoint(context, op));
    z_ = image_gradient(x_);
    q_ = {at::zeros_like(x_), at::zeros_like(x_)};
    s_ = at::zeros_like(x_);
    const at::Tensor size = squared_norms(z_.vertical) + squared_norms(z_.horizontal);
    const at::Tensor typical = at::sqrt(size / static_cast<double>(op.domain().numel()));
    rho_per_weight_ = at::where(typical > 0, typical.reciprocal(), at::ones_like(typical));
  }

  at::Tensor solve(const at::Tensor& weights) {
    weights_ = weights.to(x_.device());
    done_ = weights_ < 0;
    for (std::int64_t i = 1; i <= options_.max_iterations; ++i) {
      advance(i % kBalanceEvery == 0 && i <= kLastBalance);
      if (is_time_to_look(i, done_) && done_.all().item<bool>()) break;
    }
    return bounded_ ? v_ : x_;
  }

 private:
  void advance(bool balance) {
    const at::Tensor rho = rho_per_weight_ * weights_, rho_of = per_item(rho, x_);
    const at::Tensor x = image_step(rho_of);
    const ImageGradient g = image_gradient(x);
    // Over-relaxation (Boyd et al. 2011, section 3.4.3): D x is replaced by a point beyond it, seen from the split z.
    const auto relaxed = [](const at::Tensor& now, const at::Tensor& split) {
      return split.lerp(now, kAdmmRelaxation);
    };
    const ImageGradient mixed{relaxed(g.vertical, z_.vertical), relaxed(g.horizontal, z_.horizontal)};
    const ImageGradient z = shrunk({mixed.vertical + q_.vertical / rho_of, mixed.horizontal + q_.horizontal / rho_of},
                                   per_item(rho_per_weight_.reciprocal(), x));
    const ImageGradient q{q_.vertical + rho_of * (mixed.vertical - z.vertical),
                          q_.horizontal + rho_of * (mixed.horizontal - z.horizontal)};
    at::Tensor v = x, s = s_;
    if (bounded_) {  // the bounds are a second split, v = x, with the same rho
      const at::Tensor mixed_x = relaxed(x, v_);
      v = bounds_.clamped(mixed_x + s_ / rho_of);
      s = s_ + rho_of * (mixed_x - v);
    }
    update(rho, x, g, z, q, v, s, balance);
  }

  at::Tensor image_step(const at::Tensor& rho) {
    at::Tensor right =
        b_ + image_gradient_adjoint({rho * z_.vertical - q_.vertical, rho * z_.horizontal - q_.horizontal});
    if (bounded_) right = right + rho * v_ - s_;
    const auto matrix = [&](const at::Tensor& x) {
      const at::Tensor data = context_.operate([&] { return op_.normal(x); });
      const at::Tensor smooth = image_gradient_adjoint(image_gradient(x));
      return data + rho * (bounded_ ? smooth + x : smooth);
    };
    const IterativeSolve accuracy{.tolerance = kInnerShare * options_.tolerance, .max_iterations = kInnerIterations};
    return conjugate_gradient(matrix, right, x_, accuracy).x;
  }

  ImageGradient shrunk(const ImageGradient& g, const at::Tensor& threshold) const {
    const auto factor = [&](const at::Tensor& length) {
      return (1 - threshold / length.clamp_min(1e-30)).clamp_min(0);
    };
    if (options_.variant == TvVariant::anisotropic) {
      return {g.vertical * factor(g.vertical.abs()), g.horizontal * factor(g.horizontal.abs())};
    }
    const at::Tensor both = factor(at::hypot(g.vertical.abs(), g.horizontal.abs()));
    return {g.vertical * both, g.horizontal * both};
  }

  /// Keeps the new state of the entries that are not done, and says which are done now.
  void update(const at::Tensor& rho, const at::Tensor& x, const ImageGradient& g, const ImageGradient& z,
              const ImageGradient& q, const at::Tensor& v, const at::Tensor& s, bool balance) {
    at::Tensor primal = squared_norms(g.vertical - z.vertical) + squared_norms(g.horizontal - z.horizontal);
    at::Tensor size = squared_norms(z.vertical) + squared_norms(z.horizontal);
    at::Tensor dual_change = image_gradient_adjoint({z.vertical - z_.vertical, z.horizontal - z_.horizontal});
    at::Tensor dual_force = image_gradient_adjoint(q);
    if (bounded_) {
      primal += squared_norms(x - v);
      size += squared_norms(v);
      dual_change = dual_change + v - v_;
      dual_force = dual_force + s;
    }
    const double epsilon =
        real_dtype(x) == at::kFloat ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
    const at::Tensor rounding = 100 * epsilon * epsilon * squared_norms(x);
    const at::Tensor primal_relative = at::sqrt(primal / (size + rounding));
    const at::Tensor dual_relative =
        rho * at::sqrt(squared_norms(dual_change) / (squared_norms(dual_force) + rho * rho * rounding));
    // An entry that is done keeps its image, whatever its batch still does.
    const at::Tensor done = along_batch(done_, x), going_on = done_.logical_not();
    x_ = at::where(done, x_, x);
    v_ = at::where(done, v_, v);
    s_ = at::where(done, s_, s);
    z_ = {at::where(done, z_.vertical, z.vertical), at::where(done, z_.horizontal, z.horizontal)};
    q_ = {at::where(done, q_.vertical, q.vertical), at::where(done, q_.horizontal, q.horizontal)};
    done_ = done_.logical_or(at::maximum(primal_relative, dual_relative) <= options_.tolerance);
    if (!balance) return;
    // Residual balancing (Boyd et al., section 3.4.1): a larger rho lowers the primal and raises the dual residual.
    const at::Tensor ratio = primal_relative / dual_relative;
    const at::Tensor unbalanced = (ratio > kUnbalanced).logical_or(ratio < 1 / kUnbalanced);
    const at::Tensor changed =
        rho_per_weight_ * ratio.clamp(1 / (kMaxChange * kMaxChange), kMaxChange * kMaxChange).sqrt();
    rho_per_weight_ = at::where(going_on.logical_and(unbalanced), changed, rho_per_weight_);
  }

  const TvAdmm& options_;
  SolverContext& context_;
  const LinearOperator& op_;
  ImageBounds bounds_;
  bool bounded_;
  at::Tensor b_, x_, v_, s_;  ///< A^H y; the image, its bounded copy and the dual of that
  ImageGradient z_, q_;       ///< the split gradient and its dual, |q| <= weight
  at::Tensor weights_, rho_per_weight_, done_;
};

void TvAdmm::visit(ParameterVisitor& v) {
  v.field("weight", weight, "weight of TV against 1/2 ||y - A x||²; found by chi² = 1 when absent",
          {.min = 0, .open_min = true});
  v.choice("variant", variant, "how the two differences of a pixel add up");
  v.field("max_iterations", max_iterations, "iterations at most, per weight", {.min = 1});
  v.field("tolerance", tolerance, "relative primal and dual residual at which to stop", {.min = 0, .open_min = true});
  v.field("low", low, "lower bound of the image, in units of the prior");
  v.field("high", high, "upper bound of the image, in units of the prior");
}

at::Tensor TvAdmm::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, "solver tv_admm");
  require_no_volume(*op, "solver tv_admm", "tv_pdhg");
  ImageBounds{low, high}.require_fit(*op, "solver tv_admm");
  Iteration iteration(*this, context, *op);
  const auto solve = [&](const at::Tensor& weights, const at::Tensor&) { return iteration.solve(weights); };
  const double norm_squared = squared_operator_norm(*op, context.image_options());
  return solve_at_discrepancy(context, weight,
                              {solve, kTvWeightPerVariance, 1e-5 * norm_squared, kStrongTv * norm_squared});
}

}  // namespace recon
