#include "recon/solvers/posterior/plug_and_play.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "recon/core/per_entry.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/data_step.h"
#include "recon/solvers/posterior/geometric_levels.h"
#include "recon/solvers/posterior/pixel_noise.h"

namespace recon {
namespace {

/// Where the image is as good as the data allow, whatever their noise: below it nothing changes.
constexpr double last_level = 0.02;

/// From `start` to the last of each entry, by step.
std::vector<std::vector<double>> levels_of_steps(double start, const std::vector<double>& last, std::int64_t total) {
  std::vector<std::vector<double>> levels;
  for (std::int64_t k = 0; k < total; ++k) {
    auto& level = levels.emplace_back();
    for (const double end : last) level.push_back(geometric_level(start, end, k, total));
  }
  return levels;
}

/// The same on the device, [steps, batch]: one upload, for which the device waits, and none in a step.
at::Tensor on_the_device_of(const at::Tensor& like, const std::vector<std::vector<double>>& levels) {
  std::vector<double> all;
  for (const auto& level : levels) all.insert(all.end(), level.begin(), level.end());
  return per_entry(all, like).view({std::ssize(levels), -1});
}

constexpr StepsByNoise default_steps{.few = 12, .per_decade = 24, .most = 48};

}  // namespace

void PlugAndPlay::visit(ParameterVisitor& v) {
  v.choice("method", method, "half-quadratic splitting, or with a dual variable");
  v.field("steps", steps, "network steps; when absent 12 to 48, the more the less noise the data have", {.min = 1});
  v.field("lambda", lambda, "weight of the prior against the data; 1 is that of a Gaussian prior",
          {.min = 0, .open_min = true});
  v.field("start_relative_sigma", start_relative_sigma, "first noise level, in units of the prior",
          {.min = 0, .open_min = true});
  v.field("end_relative_sigma", end_relative_sigma,
          "last noise level; when absent 0.02, or that of the measurement over the operator's gain if that is less",
          {.min = 0, .open_min = true});
}

std::vector<std::int64_t> PlugAndPlay::steps_of_entries(SolverContext& context) const {
  as_linear(context.problem().op, "solver plug_and_play");
  return steps ? std::vector<std::int64_t>() : default_steps.at(pixel_noise(context));
}

at::Tensor PlugAndPlay::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, "solver plug_and_play");
  return run_with(context, *op, [&](const at::Tensor& center, const at::Tensor& rho) {
    return data_prox(context, *op, center, rho);
  });
}

at::Tensor PlugAndPlay::run_with(SolverContext& context, const LinearOperator& op, const DataProx& prox) const {
  const Prior& prior = context.prior();
  const double start = std::min(start_relative_sigma, prior.max_relative_sigma());
  const at::Tensor variance = noise_variances(context);
  const at::Tensor noise = steps && end_relative_sigma ? at::Tensor() : pixel_noise(context);
  at::Tensor z = at::zeros_like(context.operate([&] { return op.adjoint(context.y()); })), u = z;
  std::vector<double> last(static_cast<std::size_t>(context.batch()), end_relative_sigma.value_or(start));
  if (!end_relative_sigma) {
    // Data that sum up many pixels (projections) say more of a pixel than their noise does.
    const at::Tensor of_a_pixel = at::minimum(noise, variance.sqrt());
    last = host_values(of_a_pixel.clamp_max(std::min(start, last_level)));
  }
  const std::int64_t total = steps ? *steps : default_steps.at(noise).front();

  const bool dual = method == Method::admm;
  const std::vector<std::vector<double>> levels = levels_of_steps(start, last, total);
  const at::Tensor squares = on_the_device_of(z, levels).square();
  at::Tensor last_square;  ///< s² of the step before
  for (std::int64_t k = 0; k < total; ++k) {
    const std::vector<double>& level = levels[static_cast<std::size_t>(k)];
    const at::Tensor square = squares[k];
    // u is the dual variable times s², which changes with the level (Boyd et al. 2011, section 3.4.1).
    if (dual && k > 0) u = u * per_item(square / last_square, u);
    last_square = square;
    const at::Tensor x = prox(z - u, lambda * variance / square);
    z = context.denoise_each(x + u, level);
    if (dual) u = u + x - z;
    const Step step{.done = k + 1, .total = total, .relative_sigma = level.front(), .residual_squares = {}};
    if (!context.end_step(step, z, z)) break;
  }
  return z;
}

}  // namespace recon
