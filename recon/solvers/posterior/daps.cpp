#include "recon/solvers/posterior/daps.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "priors/samplers/probability_flow.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/data_conditional.h"

namespace recon {
namespace {

constexpr const char* daps_stream = "daps";

/// Where the ODE from x_t ends, in `steps` Euler steps.
at::Tensor flow_to_clean(SolverContext& context, const at::Tensor& x_t, const NoiseLevel& level, std::int64_t steps) {
  const NoiseSchedule& process = context.prior().schedule();
  const double r = level.relative_sigma();
  std::vector<NoiseLevel> levels = {level};
  if (steps > 1 && r > 1.01 * process.min_relative_sigma()) {
    levels = process.steps(steps, Spacing::uniform_log_snr, r);
    levels.front() = level;
  }
  levels.push_back({.alpha = 1, .sigma = 0});
  const ReverseProcess reverse{
      .process = process,
      .levels = levels,
      .denoise = [&](const at::Tensor& x, const NoiseLevel& at) { return context.denoise(x, at); },
      .denoise_with_variance = {},
      .noise = {}};
  return PfOdeEuler().sample(reverse, x_t);
}

}  // namespace

void Daps::visit(ParameterVisitor& v) {
  v.field("steps", steps, "noise levels", {.min = 1});
  v.field("ode_steps", ode_steps, "network steps per level; 1: the denoised image", {.min = 1});
  v.field("langevin_steps", langevin_steps, "non-linear operators: steps of the data step at each level", {.min = 1});
  v.choice("spacing", spacing, "how levels are placed");
  start.visit(v);
}

at::Tensor Daps::run(SolverContext& context) const {
  const Prior& prior = context.prior();
  const std::vector<NoiseLevel> levels = prior.schedule().steps(steps, spacing, start.level(context));
  const auto total = static_cast<std::int64_t>(levels.size());
  DataConditional data(context, daps_stream, langevin_steps);
  at::Tensor estimate, x = start.image(context, levels.front(), context.normal(daps_stream, 0));
  for (std::int64_t i = 0; i < total; ++i) {
    const NoiseLevel& level = levels[static_cast<std::size_t>(i)];
    const double r = level.relative_sigma();
    estimate = data.draw(flow_to_clean(context, x, level, ode_steps), denoiser_variance(prior, r), i);
    const NoiseLevel next = i + 1 < total ? levels[static_cast<std::size_t>(i + 1)] : NoiseLevel{};
    x = next.sigma > 0 ? next.alpha * estimate + next.sigma * context.normal(daps_stream, i + 1) : estimate;
    if (!context.end_step(
            {.done = i + 1, .total = total, .relative_sigma = next.relative_sigma(), .residual_squares = {}}, x,
            estimate)) {
      break;
    }
  }
  return estimate;
}

}  // namespace recon
