#include "recon/solvers/posterior/daps.h"

#include <ATen/ATen.h>

#include "priors/samplers/probability_flow.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/data_conditional.h"
#include "recon/solvers/posterior/decoupled_annealing.h"

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
  DataConditional data(context, daps_stream, langevin_steps);
  const DecoupledAnnealing annealing{.steps = steps, .spacing = spacing, .start = start, .stream = daps_stream};
  return annealing.run(context, [&](const at::Tensor& x_t, const NoiseLevel& level, std::int64_t step) {
    const at::Tensor x0 = flow_to_clean(context, x_t, level, ode_steps);
    const double variance = denoiser_variance(context.prior(), level.relative_sigma());
    return DecoupledAnnealing::Estimate{.x0 = data.draw(x0, variance, step), .residual_squares = {}};
  });
}

}  // namespace recon
