#include "recon/solvers/posterior/posterior_langevin.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "recon/solvers/context.h"
#include "recon/solvers/posterior/data_conditional.h"
#include "recon/solvers/posterior/data_step.h"
#include "recon/solvers/posterior/jacobian.h"

namespace recon {
namespace {

constexpr const char* posterior_langevin_stream = "posterior_langevin";

}  // namespace

void PosteriorLangevin::visit(ParameterVisitor& v) {
  v.field("steps", steps, "noise levels", {.min = 1});
  v.field("inner_steps", inner_steps, "Langevin steps per noise level", {.min = 1});
  v.field("step_size", step_size, "of the longest step that follows the steepest direction",
          {.min = 0, .max = 1, .open_min = true});
  v.field("start_relative_sigma", start_relative_sigma, "noise level to start from, in units of the prior",
          {.min = 0, .open_min = true});
}

at::Tensor PosteriorLangevin::run(SolverContext& context) const {
  const Prior& prior = context.prior();
  prior.require_start_from_noise();
  const double start = std::min(start_relative_sigma, prior.max_relative_sigma());
  const std::vector<NoiseLevel> levels = prior.schedule().steps(steps, Spacing::uniform_log_snr, start);
  const auto total = static_cast<std::int64_t>(levels.size());
  const at::Tensor noise = noise_variances(context);
  at::Tensor estimate, u = levels.front().relative_sigma() * context.normal(posterior_langevin_stream, 0);
  at::Tensor gain = squared_jacobian_norm(context, u);
  for (std::int64_t i = 0; i < total; ++i) {
    const NoiseLevel& level = levels[static_cast<std::size_t>(i)];
    const double r = level.relative_sigma();
    if (i > 0 && !context.op().is_linear()) gain = squared_jacobian_norm(context, u);
    const at::Tensor v = noise + r * r * gain;
    const at::Tensor tau = step_size / (1 / (r * r) + gain / v);
    const at::Tensor scale = per_item(tau, u), noise_scale = per_item((2 * tau).sqrt(), u);
    for (std::int64_t k = 0; k < inner_steps; ++k) {
      estimate = context.denoise(level.alpha * u, level);
      const at::Tensor misfit = context.operate([&] { return context.op().gradient(u, context.y()); });
      const at::Tensor z = context.normal(posterior_langevin_stream, 1 + i * inner_steps + k);
      u = u + scale * ((estimate - u) / (r * r) - misfit / per_item(v, u)) + noise_scale * z;
    }
    if (i + 1 == total) estimate = context.denoise(level.alpha * u, level);
    if (!context.end_step({.done = i + 1, .total = total, .relative_sigma = r, .residual_squares = {}}, u, estimate)) {
      break;
    }
  }
  return estimate;
}

}  // namespace recon
