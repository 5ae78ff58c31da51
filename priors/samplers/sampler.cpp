#include "priors/samplers/sampler.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "priors/samplers/process.h"
#include "recon/core/error.h"

namespace recon {
namespace {

void check(const ReverseProcess& reverse) {
  const std::string location = "Sampler::sample";
  const auto& levels = reverse.levels;
  if (levels.size() < 2) throw internal_error(location, "expected at least two noise levels, got {}", levels.size());
  for (std::size_t i = 1; i < levels.size(); ++i) {
    const double from = levels[i - 1].relative_sigma(), to = levels[i].relative_sigma();
    if (!(to >= 0 && from > to)) {
      throw internal_error(location, "expected decreasing noise, got relative sigma {} before {}", from, to);
    }
  }
}

}  // namespace

void Sampler::visit(ParameterVisitor& v) {
  v.field("steps", steps, "noise levels before the clean one", {.min = 1});
  visit_own(v);
  v.choice("process", process, process_names(), "noise process to sample on; prior: its own");
  v.choice("spacing", spacing, "how steps are placed");
  v.field("steps_offset", steps_offset, "spacing leading: timesteps that all steps are moved up", {.min = 0});
  v.field("start_relative_sigma", start_relative_sigma, "noise level to start from; default: the prior's highest",
          {.min = 0, .open_min = true});
}

NoiseSchedule Sampler::process_of(const Prior& prior) const { return process_from(process, prior.schedule()); }

std::vector<NoiseLevel> Sampler::levels(const Prior& prior) const {
  const double start = std::min(start_relative_sigma.value_or(prior.max_relative_sigma()), prior.max_relative_sigma());
  std::vector<NoiseLevel> result = process_of(prior).steps(steps, spacing, start, steps_offset);
  result.push_back({.alpha = 1, .sigma = 0});
  return result;
}

at::Tensor Sampler::sample(const ReverseProcess& reverse, at::Tensor x, const SamplerObserver& observer) const {
  check(reverse);
  const at::NoGradGuard no_graph;
  at::Tensor before;
  for (std::int64_t done = 1; done <= reverse.steps(); ++done) {
    const auto i = static_cast<std::size_t>(done - 1);
    const Stepped stepped = step(reverse, i, x, before);
    SamplerStep seen{.done = done,
                     .total = reverse.steps(),
                     .level = reverse.levels[i],
                     .x_t = x,
                     .x0 = stepped.x0,
                     .next = reverse.levels[i + 1],
                     .x = stepped.x};
    const bool go_on = !observer || observer(seen);
    before = stepped.x0;
    x = seen.x;
    if (!go_on) break;
  }
  return x;
}

at::Tensor Sampler::after_transition(const Transition& transition, const ReverseProcess& reverse, std::size_t i,
                                     const at::Tensor& x, const at::Tensor& x0) {
  const at::Tensor next = transition.x0_weight * x0 + transition.xt_weight * x;
  if (!(transition.noise_std > 0)) return next;
  return next + transition.noise_std * reverse.noise(kSamplingStream, static_cast<std::int64_t>(i) + 1);
}

}  // namespace recon
