#include "recon/solvers/posterior/diffpir.h"

#include <ATen/ATen.h>

#include "recon/solvers/context.h"

namespace recon {
namespace {

constexpr const char* stream = "diffpir";
constexpr IterativeSolve prox_accuracy{.tolerance = 1e-5, .max_iterations = 50};

/// Noise variances `[batch]`, not below the floor that noise-free data get.
at::Tensor noise_variances(const SolverContext& context) {
  const ImageDomain& domain = context.prior().domain();
  const double floor = 1e-3 * (domain.high - domain.low) / 2;
  return at::tensor(context.problem().noise_std, at::kDouble).clamp_min(floor).square();
}

/// argmin_x ||y - A x||² + rho ||x - center||².
at::Tensor data_prox(SolverContext& context, const LinearOperator& op, const at::Tensor& center,
                     const at::Tensor& rho) {
  return context.operate([&] {
    const at::Tensor pulled = op.adjoint(context.y() - op.apply(center));
    return center + op.solve_shifted(pulled, rho, prox_accuracy);
  });
}

}  // namespace

void DiffPir::visit(ParameterVisitor& v) {
  v.field("steps", steps, "network steps", {.min = 1});
  v.field("lambda", lambda, "weight of the prior against the data; 1 is its Bayesian value",
          {.min = 0, .open_min = true});
  v.field("zeta", zeta, "share of the noise that is renewed in each step", {.min = 0, .max = 1});
  v.field("start_relative_sigma", start_relative_sigma, "noise level to start from, in units of the prior",
          {.min = 0, .open_min = true});
  v.choice("spacing", spacing, spacing_names(), "how steps are placed");
}

at::Tensor DiffPir::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, "solver diffpir");
  const Prior& prior = context.prior();
  const double start = std::min(start_relative_sigma, prior.max_relative_sigma());
  std::vector<NoiseLevel> level = prior.schedule().steps(steps, spacing_from(spacing), start);
  level.push_back({.alpha = 1, .sigma = 0});
  const at::Tensor variance = noise_variances(context);

  // The Tikhonov image takes the prior as white with the denoiser's error at the start as its variance (at least 1e-4).
  const double spread = std::max(prior.denoising_mse(start), 1e-4);
  at::Tensor estimate = data_prox(context, *op, at::zeros_like(context.normal(stream, 0)), variance / spread);
  at::Tensor x = level[0].alpha * estimate + level[0].sigma * context.normal(stream, 0);
  for (std::int64_t done = 1; done <= steps; ++done) {
    const auto i = static_cast<std::size_t>(done - 1);
    const NoiseLevel &from = level[i], &to = level[i + 1];
    const double r = from.relative_sigma();
    estimate = data_prox(context, *op, context.denoise(x, from), lambda * variance / (r * r));
    at::Tensor next = to.alpha * estimate;
    if (zeta < 1) next = next + to.sigma * std::sqrt(1 - zeta) * (x - from.alpha * estimate) / from.sigma;
    if (zeta > 0 && to.sigma > 0) next = next + to.sigma * std::sqrt(zeta) * context.normal(stream, done);
    x = next;
    if (!context.end_step({.done = done, .total = steps, .relative_sigma = to.relative_sigma(), .residual_squares = {}},
                          x, estimate))
      break;
  }
  return estimate;
}

}  // namespace recon
