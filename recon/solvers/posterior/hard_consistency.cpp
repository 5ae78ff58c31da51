#include "recon/solvers/posterior/hard_consistency.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "recon/core/per_entry.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/data_step.h"
#include "recon/solvers/posterior/decoupled_annealing.h"
#include "recon/solvers/posterior/jacobian.h"

namespace recon {
namespace {

constexpr const char* hard_consistency_stream = "hard_consistency";

/// The `p` quantile of chi² with m degrees of freedom (Wilson & Hilferty 1931).
double chi2_quantile(double p, double m) {
  const double z = at::special_ndtri(at::scalar_tensor(p, at::kDouble)).item<double>(), variance = 2 / (9 * m);
  return m * std::pow(1 - variance + z * std::sqrt(variance), 3);
}

/// The least step t with ||r - t Jd||² = budget, else the one to the minimum; 0 where the budget is met. All `[batch]`.
at::Tensor step_length(const at::Tensor& r2, const at::Tensor& along, const at::Tensor& jd2, const at::Tensor& budget) {
  const at::Tensor discriminant = along.square() - jd2 * (r2 - budget);
  const at::Tensor t = (along - discriminant.clamp_min(0).sqrt()) / jd2;
  return at::where((r2 > budget).logical_and(jd2 > 0), t, at::zeros_like(t));
}

/// Moves images into the residual budget.
class DataStep {
 public:
  DataStep(SolverContext& context, double quantile, std::int64_t max_steps) : context_(context), max_steps_(max_steps) {
    budget_ =
        noise_variances(context) * chi2_quantile(quantile, static_cast<double>(context.op().measured_components()));
  }

  at::Tensor operator()(at::Tensor x) {
    at::Tensor r = context_.residual(x), r2 = squared_norms(r);
    at::Tensor d, g2, g;  // direction, gradient and its square
    at::Tensor active = r2 > budget_;
    for (std::int64_t k = 0; k < max_steps_; ++k) {
      if (is_time_to_look(k, active) && !active.any().item<bool>()) break;
      const at::Tensor g_new = context_.vjp(x, r), g2_new = squared_norms(g_new);
      // Polak & Ribiere: beta = <g', g' - g> / ||g||², and 0, a restart along the gradient, where that is negative.
      at::Tensor beta = at::zeros_like(g2_new);
      if (d.defined()) beta = ((g2_new - real_inner(g_new, g)) / g2.clamp_min(kTiny)).clamp_min(0);
      d = d.defined() ? g_new + per_item(beta, g_new) * d : g_new;
      g = g_new;
      g2 = g2_new;
      const at::Tensor jd = jacobian_product(context_, x, d);
      const at::Tensor t = step_length(r2, real_inner(r, jd), squared_norms(jd), budget_);
      const at::Tensor trial = x + per_item(t, x) * d, r_trial = context_.residual(trial);
      const at::Tensor r2_trial = squared_norms(r_trial);
      // Non-linear A: J d may promise what A(x + t d) does not give; an entry that got no closer stays and is done.
      const at::Tensor closer = active.logical_and(r2_trial < r2);
      x = at::where(along_batch(closer, x), trial, x);
      r = at::where(along_batch(closer, r), r_trial, r);
      // Less than a thousandth of the way: the budget is out of reach.
      active =
          closer.logical_and(r2_trial > budget_ * (1 + kMet)).logical_and(r2 - r2_trial > kProgress * (r2 - budget_));
      r2 = at::where(closer, r2_trial, r2);
    }
    residual_squares_ = r2;
    return x;
  }

  const at::Tensor& residual_squares() const { return residual_squares_; }

 private:
  static constexpr double kTiny = 1e-30, kMet = 1e-3, kProgress = 1e-3;

  SolverContext& context_;
  std::int64_t max_steps_;
  at::Tensor budget_, residual_squares_;
};

}  // namespace

void HardConsistency::visit(ParameterVisitor& v) {
  v.field("steps", steps, "network steps", {.min = 1});
  v.field("quantile", quantile, "of the chi² that noise alone has: the residual each data step stops at",
          {.min = 0.001, .max = 0.999});
  v.field("data_steps", data_steps, "gradient steps of a data step at most", {.min = 1});
  v.choice("spacing", spacing, "how steps are placed");
  start.visit(v);
}

at::Tensor HardConsistency::run(SolverContext& context) const {
  DataStep into_budget(context, quantile, data_steps);
  const DecoupledAnnealing annealing{
      .steps = steps, .spacing = spacing, .start = start, .stream = hard_consistency_stream};
  return annealing.run(context, [&](const at::Tensor& x_t, const NoiseLevel& level, std::int64_t) {
    const at::Tensor x0 = into_budget(context.denoise(x_t, level));
    return DecoupledAnnealing::Estimate{.x0 = x0, .residual_squares = into_budget.residual_squares()};
  });
}

}  // namespace recon
