#include "recon/solvers/posterior/pnp_dm.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "priors/samplers/ddim.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/data_conditional.h"

namespace recon {
namespace {

constexpr const char* pnp_dm_stream = "pnp_dm";

/// The couplings rho, falling geometrically from `high` to `low`.
std::vector<double> couplings(double high, double low, std::int64_t count) {
  std::vector<double> rho;
  for (std::int64_t i = 0; i < count; ++i) {
    const double share = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 1;
    rho.push_back(high * std::pow(low / high, share));
  }
  return rho;
}

/// x ~ p(x) N(x; z, rho² I) by `steps` stochastic steps of the reverse diffusion.
at::Tensor draw_from_prior(SolverContext& context, const at::Tensor& z, double rho, std::int64_t steps,
                           std::int64_t index) {
  const Prior& prior = context.prior();
  const NoiseSchedule& process = prior.schedule();
  std::vector<NoiseLevel> levels = {process.at(process.time_of(rho))};
  if (steps > 1 && rho > 1.01 * process.min_relative_sigma()) {
    levels = process.steps(steps, Spacing::uniform_log_snr, rho);
  }
  levels.push_back({.alpha = 1, .sigma = 0});
  const auto noise = [&](std::string_view of, std::int64_t step) {
    return context.normal(fmt::format("{} {} {}", pnp_dm_stream, of, index), step);
  };
  std::int64_t passes = 0;
  const auto guess = [&](const at::Tensor& x, const NoiseLevel& level) {
    const double std = std::sqrt(denoiser_variance(prior, level.relative_sigma()));
    return context.denoise(x, level) + std * noise("belief", passes++);
  };
  const ReverseProcess reverse{
      .process = process, .levels = levels, .denoise = guess, .denoise_with_variance = {}, .noise = noise};
  Ddim ancestral;
  ancestral.eta = 1;
  return ancestral.sample(reverse, levels.front().alpha * z);
}

}  // namespace

void PnpDm::visit(ParameterVisitor& v) {
  v.field("steps", steps, "rounds of a data step and a prior step", {.min = 1});
  v.field("prior_steps", prior_steps, "network steps of a prior step from the largest coupling", {.min = 1});
  v.field("start_relative_sigma", start_relative_sigma, "largest coupling rho", {.min = 0, .open_min = true});
  v.field("end_relative_sigma", end_relative_sigma, "smallest coupling rho; 0: the prior's cleanest level", {.min = 0});
  v.field("langevin_steps", langevin_steps, "non-linear operators: steps of a data step", {.min = 1});
}

at::Tensor PnpDm::run(SolverContext& context) const {
  const Prior& prior = context.prior();
  prior.require_start_from_noise();
  const double high = std::min(start_relative_sigma, prior.max_relative_sigma());
  const double cleanest = prior.schedule().min_relative_sigma();
  const double low = std::min(std::max(end_relative_sigma, cleanest), high);
  const std::vector<double> rho = couplings(high, low, steps);
  DataConditional data(context, pnp_dm_stream, langevin_steps);
  at::Tensor x = high * context.normal(pnp_dm_stream, 0);
  for (std::int64_t i = 0; i < steps; ++i) {
    const double r = rho[static_cast<std::size_t>(i)];
    const double share = std::log(r / cleanest) / std::log(high / cleanest);
    const auto network_steps = static_cast<std::int64_t>(std::ceil(share * static_cast<double>(prior_steps)));
    const at::Tensor z = data.draw(x, r * r, i);
    x = draw_from_prior(context, z, r, std::max<std::int64_t>(network_steps, 1), i);
    if (!context.end_step({.done = i + 1, .total = steps, .relative_sigma = r, .residual_squares = {}}, x, x)) break;
  }
  return x;
}

}  // namespace recon
