#include "recon/solvers/posterior/diffusion_raar.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "recon/core/tensor_spec.h"
#include "recon/solvers/classical/magnitude_projections.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/data_step.h"
#include "recon/solvers/posterior/geometric_levels.h"
#include "recon/solvers/posterior/start.h"

namespace recon {
namespace {

constexpr const char* diffusion_raar_stream = "diffusion_raar";
constexpr int descents = 10;  ///< of the data step; more change nothing

/// a² of |F P x|: how much longer an image is in the data than in the units of the problem.
double squared_gain(const MagnitudeProjections& projections, const SolverContext& context) {
  const at::Tensor dark = at::zeros(context.problem().image.shape, context.image_options()).unsqueeze(0);
  const at::Tensor step = projections.embedded(dark + 1) - projections.embedded(dark);
  return step.abs().square().sum().item<double>() / static_cast<double>(dark.numel());
}

}  // namespace

void DiffusionRaar::visit(ParameterVisitor& v) {
  v.field("steps", steps, "network steps of each run", {.min = 1});
  v.field("projections", projections, "steps of RAAR after each, two transforms each", {.min = 0});
  v.field("beta", beta, "their relaxation", {.min = 0, .max = 1, .open_min = true});
  v.field("start_relative_sigma", start_relative_sigma, "first noise level, in units of the prior",
          {.min = 0, .open_min = true});
  v.field("end_relative_sigma", end_relative_sigma, "last noise level", {.min = 0, .open_min = true});
  v.field("lambda", lambda, "weight of the prior against the data at the end", {.min = 0, .open_min = true});
  v.field("restarts", restarts, "runs from other noise; the one that fits the data best is kept", {.min = 1});
}

at::Tensor DiffusionRaar::run(SolverContext& context) const {
  const Prior& prior = context.prior();
  const double low = prior.domain().low, high = prior.domain().high;
  const MagnitudeProjections phases(context, "diffusion_raar", {.low = low, .high = high});
  const at::Tensor variance = noise_variances(context);
  const double squared = squared_gain(phases, context);

  BestFit best;
  for (std::int64_t restart = 0; restart < restarts; ++restart) {
    const auto noise = [&](std::int64_t step) {
      return context.normal(diffusion_raar_stream, restart * (steps + 1) + step);
    };
    const bool goes_on = restart == 0;
    at::Tensor x = goes_on ? image_of_magnitudes(context) : low + noise(0).abs();
    const double first = goes_on ? kMagnitudesKept * (high - low) / 2 : start_relative_sigma;
    const double start = std::min(first, prior.max_relative_sigma());
    for (std::int64_t k = 0; k < steps; ++k) {
      const double r = geometric_level(start, end_relative_sigma, k, steps);
      const at::Tensor z = context.denoise(x + r * noise(k + 1), {.alpha = 1, .sigma = r});
      x = context.operate([&] {
        at::Tensor u = phases.embedded(z);
        for (std::int64_t i = 0; i < projections; ++i) u = phases.reflected(u, beta);
        at::Tensor image = phases.image(phases.onto_data(u));
        const at::Tensor rho = per_item(lambda * variance / (r * r), z);
        for (int i = 0; i < descents; ++i) {
          image = (squared * phases.image_of_data(phases.embedded(image)) + rho * z) / (squared + rho);
        }
        return image;
      });
      const at::Tensor& estimate = best.x().defined() ? best.x() : x;
      const Step step{
          .done = restart * steps + k + 1, .total = restarts * steps, .relative_sigma = r, .residual_squares = {}};
      if (!context.end_step(step, x, estimate)) return estimate;
    }
    best.offer(context, x);
  }
  return best.x();
}

}  // namespace recon
