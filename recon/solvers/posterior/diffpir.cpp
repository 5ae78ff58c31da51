#include "recon/solvers/posterior/diffpir.h"

#include <ATen/ATen.h>

#include "priors/samplers/sampler.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/data_step.h"
#include "recon/solvers/posterior/pixel_noise.h"

namespace recon {
namespace {

constexpr const char* diffpir_stream = "diffpir";

constexpr StepsByNoise default_steps{.few = 30, .per_decade = 100, .most = 80};

/// x_s = alpha_s x_0 + sigma_s (sqrt(1 - zeta) eps + sqrt(zeta) z): a sampler's step that renews the share zeta of the
/// noise.
class PartialRenoising final : public Sampler {
 public:
  PartialRenoising(double zeta, std::int64_t count) : zeta_(zeta) { steps = count; }
  std::int64_t nfe() const override { return steps; }
  const char* nfe_formula() const override { return "steps"; }

 private:
  void visit_own(ParameterVisitor&) override {}
  Stepped step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x, const at::Tensor&) const override {
    const NoiseLevel &from = reverse.levels[i], &to = reverse.levels[i + 1];
    const at::Tensor x0 = reverse.denoise(x, from);
    const double xt_weight = to.sigma * std::sqrt(1 - zeta_) / from.sigma;
    const Transition transition{to.alpha - from.alpha * xt_weight, xt_weight, to.sigma * std::sqrt(zeta_)};
    return {.x = after_transition(transition, reverse, i, x, x0), .x0 = x0};
  }

  double zeta_;
};

}  // namespace

void DiffPir::visit(ParameterVisitor& v) {
  v.field("steps", steps, "network steps; when absent 30 to 80, the more the less noise the data have", {.min = 1});
  v.field("lambda", lambda, "weight of the prior against the data; 1 is its Bayesian value",
          {.min = 0, .open_min = true});
  v.field("zeta", zeta, "share of the noise that is renewed in each step", {.min = 0, .max = 1});
  v.field("start_relative_sigma", start_relative_sigma, "noise level to start from, in units of the prior",
          {.min = 0, .open_min = true});
  v.choice("spacing", spacing, "how steps are placed");
}

std::vector<std::int64_t> DiffPir::steps_of_entries(SolverContext& context) const {
  as_linear(context.problem().op, "solver diffpir");
  return steps ? std::vector<std::int64_t>() : default_steps.at(pixel_noise(context));
}

at::Tensor DiffPir::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, "solver diffpir");
  const DataProx prox = [&](const at::Tensor& center, const at::Tensor& rho) {
    return data_prox(context, *op, center, rho);
  };
  return run_with(context, *op, prox, [&](std::int64_t step) { return independent_noise(context, step); });
}

at::Tensor DiffPir::independent_noise(const SolverContext& context, std::int64_t step) {
  return context.normal(diffpir_stream, step);
}

at::Tensor DiffPir::run_with(SolverContext& context, const LinearOperator& op, const DataProx& prox,
                             const StepNoise& noise) const {
  const Prior& prior = context.prior();
  const double start = std::min(start_relative_sigma, prior.max_relative_sigma());
  const at::Tensor variance = noise_variances(context);
  const std::int64_t total = steps ? *steps : default_steps.at(pixel_noise(context)).front();
  ReverseProcess reverse{.process = prior.schedule(),
                         .levels = prior.schedule().steps(total, spacing, start),
                         .denoise =
                             [&](const at::Tensor& x_t, const NoiseLevel& level) {
                               const double r = level.relative_sigma();
                               return prox(context.denoise(x_t, level), lambda * variance / (r * r));
                             },
                         .denoise_with_variance = {},
                         .noise = [&](std::string_view, std::int64_t step) { return noise(step); }};
  reverse.levels.push_back({.alpha = 1, .sigma = 0});

  const at::Tensor z = reverse.noise(kSamplingStream, 0);
  at::Tensor estimate = tikhonov_image(context, op, start);
  const at::Tensor x = reverse.levels[0].alpha * estimate + reverse.levels[0].sigma * z;
  PartialRenoising(zeta, total).sample(reverse, x, [&](SamplerStep& step) {
    estimate = step.x0;
    return context.end_step(
        {.done = step.done, .total = step.total, .relative_sigma = step.next.relative_sigma(), .residual_squares = {}},
        step.x, estimate);
  });
  return estimate;
}

}  // namespace recon
