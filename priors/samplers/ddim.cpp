#include "priors/samplers/ddim.h"

#include <ATen/ATen.h>

#include <cmath>

#include "priors/transition.h"

namespace recon {
namespace {

at::Tensor moved(const Walk& walk, std::size_t i, double eta, const at::Tensor& x, const at::Tensor& x0) {
  const Transition move = reverse_transition(walk.levels[i], walk.levels[i + 1], eta);
  const at::Tensor next = move.x0_weight * x0 + move.xt_weight * x;
  if (!(move.noise_std > 0)) return next;
  return next + move.noise_std * walk.noise(kWalkStream, static_cast<std::int64_t>(i) + 1);
}

/// Linear extrapolation in log r to the middle of step i, from the last two denoised images.
at::Tensor extrapolated(const at::Tensor& now, const at::Tensor& before, const std::vector<NoiseLevel>& levels,
                        std::size_t i) {
  const auto width = [&](std::size_t k) {
    return std::log(levels[k].relative_sigma() / levels[k + 1].relative_sigma());
  };
  return now + (now - before) * (0.5 * width(i) / width(i - 1));
}

constexpr const char* eta_doc = "share of fresh noise: 0 deterministic, 1 ancestral";

}  // namespace

Ddim::Ddim() { spacing = "uniform_t"; }

void Ddim::visit_own(ParameterVisitor& v) { v.field("eta", eta, eta_doc, {.min = 0, .max = 1}); }

Sampler::Stepped Ddim::step(const Walk& walk, std::size_t i, const at::Tensor& x, const at::Tensor&) const {
  const at::Tensor x0 = walk.denoise(x, walk.levels[i]);
  return {.x = moved(walk, i, eta, x, x0), .x0 = x0};
}

void DpmSolverPp2M::visit_own(ParameterVisitor& v) { v.field("eta", eta, eta_doc, {.min = 0, .max = 1}); }

Sampler::Stepped DpmSolverPp2M::step(const Walk& walk, std::size_t i, const at::Tensor& x,
                                     const at::Tensor& before) const {
  const at::Tensor x0 = walk.denoise(x, walk.levels[i]);
  const bool extrapolate = before.defined() && walk.levels[i + 1].sigma > 0;
  return {.x = moved(walk, i, eta, x, extrapolate ? extrapolated(x0, before, walk.levels, i) : x0), .x0 = x0};
}

}  // namespace recon
