#include "recon/solvers/posterior/guided_walk.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "priors/samplers/ddim.h"
#include "recon/solvers/posterior/data_step.h"

namespace recon {
namespace {

constexpr double kWarmStart = 2;

}  // namespace

void GuidedWalk::visit(ParameterVisitor& v) {
  v.field("steps", steps, "network steps", {.min = 1});
  v.field("eta", eta, "share of fresh noise: 1 ancestral (DDPM), 0 deterministic (DDIM)", {.min = 0, .max = 1});
  v.choice("spacing", spacing, spacing_names(), "how steps are placed");
  v.choice("order", order, {"1", "2"}, "of the step; 2 extrapolates the denoised image: right spread from few steps");
  std::vector<std::string> samplers = {"auto"};
  for (const auto& kind : sampler_kinds()) samplers.push_back(kind.name);
  v.choice("sampler", sampler, samplers, "whose steps to take; auto: ddim with eta, dpmpp_2m for order 2");
  v.choice("start", start, {"noise", "data"}, "what to start from; data: their Tikhonov image, with noise");
  v.field("start_relative_sigma", start_relative_sigma,
          "noise level to start from; default: the prior's highest, 2 for start data", {.min = 0, .open_min = true});
}

std::vector<NoiseLevel> GuidedWalk::levels(const Prior& prior) const {
  const double noisiest = prior.max_relative_sigma();
  const double first_sigma = start_relative_sigma.value_or(start == "data" ? std::min(kWarmStart, noisiest) : noisiest);
  std::vector<NoiseLevel> result = prior.schedule().steps(steps, spacing_from(spacing), first_sigma);
  result.push_back({.alpha = 1, .sigma = 0});
  return result;
}

std::unique_ptr<Sampler> GuidedWalk::make_sampler() const {
  if (sampler != "auto") return find_sampler_kind(sampler, "solver").make();
  if (order == "2") {
    auto multistep = std::make_unique<DpmSolverPp2M>();
    multistep->eta = eta;
    return multistep;
  }
  auto single = std::make_unique<Ddim>();
  single->eta = eta;
  return single;
}

at::Tensor GuidedWalk::first(SolverContext& context, const NoiseLevel& level, const at::Tensor& z) const {
  if (start == "noise") return level.sigma * z;
  const LinearOperatorPtr op = as_linear(context.problem().op, "start: data");
  return level.alpha * tikhonov_image(context, *op, level.relative_sigma()) + level.sigma * z;
}

at::Tensor GuidedWalk::run(SolverContext& context, const std::string& stream, const Denoiser& denoise,
                           const std::function<at::Tensor()>& residual_squares) const {
  const Walk walk{.process = context.prior().schedule(),
                  .levels = levels(context.prior()),
                  .denoise = denoise,
                  .denoise_with_variance = {},
                  .noise = [&](std::string_view of, std::int64_t step) {
                    return context.normal(of == kWalkStream ? stream : fmt::format("{} {}", stream, of), step);
                  }};
  at::Tensor estimate;
  make_sampler()->walk(walk, first(context, walk.levels.front(), walk.noise(kWalkStream, 0)), [&](SamplerStep& step) {
    estimate = step.done == step.total ? step.x : step.x0;
    return context.end_step({.done = step.done,
                             .total = step.total,
                             .relative_sigma = step.next.relative_sigma(),
                             .residual_squares = residual_squares()},
                            step.x, estimate);
  });
  return estimate;
}

}  // namespace recon
