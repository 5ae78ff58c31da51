#include "recon/solvers/posterior/red_diff.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "recon/solvers/context.h"
#include "recon/solvers/posterior/data_conditional.h"
#include "recon/solvers/posterior/data_step.h"

namespace recon {
namespace {

constexpr const char* red_diff_stream = "red_diff";

/// Adam (Kingma & Ba 2015, Algorithm 1) on a batch of images, element by element.
class Adam {
 public:
  at::Tensor step(const at::Tensor& x, const at::Tensor& gradient, double learning_rate) {
    constexpr double beta1 = 0.9, beta2 = 0.99, tiny = 1e-8;
    ++count_;
    first_ = first_.defined() ? beta1 * first_ + (1 - beta1) * gradient : (1 - beta1) * gradient;
    second_ = second_.defined() ? beta2 * second_ + (1 - beta2) * gradient.square() : (1 - beta2) * gradient.square();
    const at::Tensor mean = first_ / (1 - std::pow(beta1, count_));
    const at::Tensor square = second_ / (1 - std::pow(beta2, count_));
    return x - learning_rate * mean / (square.sqrt() + tiny);
  }

 private:
  at::Tensor first_, second_;
  int count_ = 0;
};

}  // namespace

void RedDiff::visit(ParameterVisitor& v) {
  v.field("steps", steps, "network steps", {.min = 1});
  v.choice("weight", weight, "of the prior: auto follows the denoiser's known error");
  v.field("lambda", lambda, "weight published: its factor", {.min = 0});
  v.field("learning_rate", learning_rate, "of Adam, in half ranges of the prior", {.min = 0, .open_min = true});
  v.field("start_relative_sigma", start_relative_sigma, "noise level to start from, in units of the prior",
          {.min = 0, .open_min = true});
  v.choice("spacing", spacing, "how levels are placed");
}

at::Tensor RedDiff::run(SolverContext& context) const {
  const Prior& prior = context.prior();
  const double half_range = (prior.domain().high - prior.domain().low) / 2;
  const double start = std::min(start_relative_sigma, prior.max_relative_sigma());
  const std::vector<NoiseLevel> levels = prior.schedule().steps(steps, spacing, start);
  const auto total = static_cast<std::int64_t>(levels.size());
  const at::Tensor noise = noise_variances(context);
  Adam adam;
  at::Tensor mu = at::zeros_like(context.normal(red_diff_stream, 0));
  for (std::int64_t i = 0; i < total; ++i) {
    const NoiseLevel& level = levels[static_cast<std::size_t>(i)];
    const double r = level.relative_sigma();
    const at::Tensor eps = context.normal(red_diff_stream, i + 1);
    const at::Tensor d = context.denoise(level.alpha * mu + level.sigma * eps, level);
    // Times noise_std² throughout: Adam does not see a common factor, single precision does.
    const at::Tensor prior_weight =
        weight == Weight::automatic ? noise / denoiser_variance(prior, r) : at::full_like(noise, lambda);
    const at::Tensor misfit = context.operate([&] { return context.op().gradient(mu, context.y()); });
    const at::Tensor gradient = misfit + per_item(prior_weight, mu) * (mu - d);
    const double left = static_cast<double>(total - i) / static_cast<double>(total);
    mu = adam.step(mu, gradient, learning_rate * half_range * std::min(1.0, 2 * left));
    if (!context.end_step({.done = i + 1, .total = total, .relative_sigma = r, .residual_squares = {}}, mu, mu)) break;
  }
  return mu;
}

}  // namespace recon
