#include "priors/samplers/ddim.h"

#include <ATen/ATen.h>

#include <cmath>

namespace recon {
namespace {

constexpr const char* eta_doc = "share of fresh noise: 0 deterministic, 1 ancestral";

}  // namespace

at::Tensor extrapolated(const at::Tensor& now, const at::Tensor& before, const std::vector<NoiseLevel>& levels,
                        std::size_t i) {
  const auto width = [&](std::size_t k) {
    return std::log(levels[k].relative_sigma() / levels[k + 1].relative_sigma());
  };
  return now + (now - before) * (0.5 * width(i) / width(i - 1));
}

Ddim::Ddim() {
  steps = 100;
  spacing = Spacing::uniform_t;
}

void Ddim::visit_own(ParameterVisitor& v) { v.field("eta", eta, eta_doc, {.min = 0, .max = 1}); }

Sampler::Stepped Ddim::step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
                            const at::Tensor&) const {
  const NoiseLevel &from = reverse.levels[i], &to = reverse.levels[i + 1];
  const at::Tensor x0 = reverse.denoise(x, from);
  return {.x = after_transition(reverse_transition(from, to, eta), reverse, i, x, x0), .x0 = x0};
}

void DpmSolverPp2M::visit_own(ParameterVisitor& v) { v.field("eta", eta, eta_doc, {.min = 0, .max = 1}); }

Sampler::Stepped DpmSolverPp2M::step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
                                     const at::Tensor& before) const {
  const NoiseLevel &from = reverse.levels[i], &to = reverse.levels[i + 1];
  const at::Tensor x0 = reverse.denoise(x, from);
  const bool extrapolate = before.defined() && to.sigma > 0;
  const at::Tensor used = extrapolate ? extrapolated(x0, before, reverse.levels, i) : x0;
  return {.x = after_transition(reverse_transition(from, to, eta), reverse, i, x, used), .x0 = x0};
}

}  // namespace recon
