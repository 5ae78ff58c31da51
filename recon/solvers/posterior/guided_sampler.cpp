#include "recon/solvers/posterior/guided_sampler.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>

#include "priors/samplers/ddim.h"

namespace recon {
namespace {

/// Adds what a step's guidance cost. The last step has no noise that could hide it, and no part in the sum.
void add_cost(at::Tensor& anomaly, const SamplerStep& step, const at::Tensor& guidance) {
  if (!guidance.defined() || !(step.next.sigma > 0)) return;
  const double precision = std::pow(step.next.relative_sigma(), -2) - std::pow(step.level.relative_sigma(), -2);
  const at::Tensor cost = 0.5 * precision * guidance.square();
  anomaly = anomaly.defined() ? anomaly + cost : cost;
}

}  // namespace

void GuidedSampler::visit(ParameterVisitor& v, const char* steps_doc, double least_steps) {
  v.field("steps", steps, steps_doc, {.min = least_steps});
  v.field("eta", eta, "share of fresh noise: 1 ancestral (DDPM), 0 deterministic (DDIM)", {.min = 0, .max = 1});
  v.choice(
      "spacing", spacing, "auto",
      "how steps are placed; auto: uniform_log_snr, for dps with inner solves and start: data karras, with guidance "
      "constant uniform_t as published");
  v.choice("order", order, "auto",
           "of the step; 2 extrapolates the denoised image: right standard deviation from few steps; auto: 2 for dps "
           "with inner solves");
  std::vector<std::string> samplers = sampler_kinds().names();
  samplers.insert(samplers.begin(), "auto");
  v.choice("sampler", sampler, samplers, "whose steps to take; auto: ddim with eta, dpmpp_2m for order 2");
  start.visit(v);
}

std::vector<NoiseLevel> GuidedSampler::levels(SolverContext& context) const {
  std::vector<NoiseLevel> result =
      context.prior().schedule().steps(steps, spacing.value_or(Spacing::uniform_log_snr), start.level(context));
  result.push_back({.alpha = 1, .sigma = 0});
  return result;
}

std::unique_ptr<Sampler> GuidedSampler::make_sampler() const {
  if (sampler != "auto") return sampler_kinds().find(sampler, "solver").make();
  if (order == Order::second) {
    auto multistep = std::make_unique<DpmSolverPp2M>();
    multistep->eta = eta;
    return multistep;
  }
  auto single = std::make_unique<Ddim>();
  single->eta = eta;
  return single;
}

at::Tensor GuidedSampler::sample(SolverContext& context, const std::vector<NoiseLevel>& levels,
                                 const std::string& stream, const Denoiser& denoise,
                                 const std::function<Judged(SamplerStep& step)>& after_step) const {
  const ReverseProcess reverse{.process = context.prior().schedule(),
                               .levels = levels,
                               .denoise = denoise,
                               .denoise_with_variance = {},
                               .noise = [&](std::string_view of, std::int64_t step) {
                                 return context.normal(
                                     of == kSamplingStream ? stream : fmt::format("{} {}", stream, of), step);
                               }};
  at::Tensor estimate;
  const at::Tensor x = start.image(context, reverse.levels.front(), reverse.noise(kSamplingStream, 0));
  make_sampler()->sample(reverse, x, [&](SamplerStep& step) {
    const Judged judged = after_step(step);
    add_cost(context.report().anomaly, step, judged.guidance);
    estimate = step.done == step.total ? step.x : step.x0;
    return context.end_step({.done = step.done,
                             .total = step.total,
                             .relative_sigma = step.next.relative_sigma(),
                             .residual_squares = judged.residual_squares},
                            step.x, estimate);
  });
  return estimate;
}

}  // namespace recon
