#include "priors/samplers/probability_flow.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

namespace recon {
namespace {

/// x/alpha at `to`, and the denoised image at the start, from u = x/alpha at `from`.
struct OdeStep {
  at::Tensor u, x0;
};

OdeStep euler(const ReverseProcess& reverse, const at::Tensor& u, const NoiseLevel& from, const NoiseLevel& to) {
  const double r = from.relative_sigma();
  const at::Tensor x0 = reverse.denoise(from.alpha * u, from);
  return {u + (to.relative_sigma() - r) / r * (u - x0), x0};
}

OdeStep heun(const ReverseProcess& reverse, const at::Tensor& u, const NoiseLevel& from, const NoiseLevel& to) {
  const OdeStep predicted = euler(reverse, u, from, to);
  const double r = from.relative_sigma(), r_to = to.relative_sigma();
  if (!(r_to > 0)) return predicted;
  const at::Tensor slope = (u - predicted.x0) / r;
  const at::Tensor slope_to = (predicted.u - reverse.denoise(to.alpha * predicted.u, to)) / r_to;
  return {u + 0.5 * (r_to - r) * (slope + slope_to), predicted.x0};
}

}  // namespace

PfOdeEuler::PfOdeEuler() { spacing = Spacing::karras; }

Sampler::Stepped PfOdeEuler::step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
                                  const at::Tensor&) const {
  const NoiseLevel &from = reverse.levels[i], &to = reverse.levels[i + 1];
  const OdeStep ode = euler(reverse, x / from.alpha, from, to);
  return {.x = to.alpha * ode.u, .x0 = ode.x0};
}

PfOdeHeun::PfOdeHeun() {
  steps = 25;
  spacing = Spacing::karras;
}

Sampler::Stepped PfOdeHeun::step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
                                 const at::Tensor&) const {
  const NoiseLevel &from = reverse.levels[i], &to = reverse.levels[i + 1];
  const OdeStep ode = heun(reverse, x / from.alpha, from, to);
  return {.x = to.alpha * ode.u, .x0 = ode.x0};
}

EdmStochastic::EdmStochastic() { spacing = Spacing::karras; }

void EdmStochastic::visit_own(ParameterVisitor& v) {
  v.field("s_churn", s_churn, "how much noise is renewed, over all steps; 0 is deterministic", {.min = 0});
  v.field("s_tmin", s_tmin, "noise is renewed only above this relative sigma", {.min = 0});
  v.field("s_tmax", s_tmax, "and only below this one", {.min = 0});
  v.field("s_noise", s_noise, "factor on the noise that is added", {.min = 0, .open_min = true});
}

Sampler::Stepped EdmStochastic::step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
                                     const at::Tensor&) const {
  const NoiseLevel &from = reverse.levels[i], &to = reverse.levels[i + 1];
  const double r = from.relative_sigma();
  const bool churns = s_churn > 0 && r >= s_tmin && r <= s_tmax;
  const double gamma = churns ? std::min(s_churn / static_cast<double>(reverse.steps()), std::numbers::sqrt2 - 1) : 0;
  at::Tensor u = x / from.alpha;
  if (gamma > 0) {
    const double added = s_noise * r * std::sqrt(gamma * (2 + gamma));
    u = u + added * reverse.noise(kSamplingStream, static_cast<std::int64_t>(i) + 1);
  }
  const OdeStep ode = heun(reverse, u, {from.alpha, from.sigma * (1 + gamma)}, to);
  return {.x = to.alpha * ode.u, .x0 = ode.x0};
}

}  // namespace recon
