#include "priors/samplers/langevin.h"

#include <ATen/ATen.h>

#include <cmath>

namespace recon {
namespace {

constexpr std::string_view corrector_stream = "corrector";

at::Tensor score_of(const at::Tensor& x, const at::Tensor& x0, const NoiseLevel& level) {
  return (level.alpha * x0 - x) / (level.sigma * level.sigma);
}

/// `[batch, 1, 1, 1]` Euclidean norms.
at::Tensor norms(const at::Tensor& x) { return x.flatten(1).square().sum(1).sqrt().view({-1, 1, 1, 1}); }

}  // namespace

AnnealedLangevin::AnnealedLangevin() { steps = 100; }

void AnnealedLangevin::visit_own(ParameterVisitor& v) {
  v.field("inner_steps", inner_steps, "Langevin steps per noise level", {.min = 1});
  v.field("step_size", step_size, "tau / sigma²", {.min = 0, .max = 1, .open_min = true});
}

Sampler::Stepped AnnealedLangevin::step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x_t,
                                        const at::Tensor&) const {
  const NoiseLevel &from = reverse.levels[i], &to = reverse.levels[i + 1];
  const double tau = step_size * from.sigma * from.sigma;
  at::Tensor x = x_t, x0;
  for (std::int64_t k = 0; k < inner_steps; ++k) {
    x0 = reverse.denoise(x, from);
    const at::Tensor z = reverse.noise(corrector_stream, static_cast<std::int64_t>(i) * inner_steps + k);
    x = x + tau * score_of(x, x0, from) + std::sqrt(2 * tau) * z;
  }
  if (to.sigma > 0) return {.x = to.alpha / from.alpha * x, .x0 = x0};
  x0 = reverse.denoise(x, from);
  return {.x = to.alpha * x0, .x0 = x0};
}

PredictorCorrector::PredictorCorrector() { steps = 200; }

void PredictorCorrector::visit_own(ParameterVisitor& v) {
  v.choice("predictor", predictor, "which noise the step to the next level adds");
  v.field("inner_steps", inner_steps, "Langevin steps per noise level", {.min = 0});
  v.field("snr", snr, "length of a Langevin step against its noise", {.min = 0, .open_min = true});
  v.choice("corrector_scale", corrector_scale, "what snr multiplies: ||z|| / ||score|| as published, or sigma");
}

at::Tensor PredictorCorrector::corrected(const ReverseProcess& reverse, std::size_t i, at::Tensor x) const {
  const NoiseLevel& level = reverse.levels[i];
  for (std::int64_t k = 0; k < inner_steps; ++k) {
    const at::Tensor z = reverse.noise(corrector_stream, static_cast<std::int64_t>(i) * inner_steps + k);
    const at::Tensor score = score_of(x, reverse.denoise(x, level), level);
    const bool by_norms = corrector_scale == Scale::norms;
    const at::Tensor ratio = by_norms ? norms(z) / norms(score) : at::full({1}, level.sigma, x.options());
    const at::Tensor epsilon = 2 * (snr * ratio).square();
    x = x + epsilon * score + (2 * epsilon).sqrt() * z;
  }
  return x;
}

Sampler::Stepped PredictorCorrector::step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
                                          const at::Tensor&) const {
  const NoiseLevel &from = reverse.levels[i], &to = reverse.levels[i + 1];
  const at::Tensor x0 = reverse.denoise(x, from);
  Transition transition = reverse_transition(from, to);
  if (!(to.sigma > 0)) return {.x = after_transition(transition, reverse, i, x, x0), .x0 = x0};
  if (predictor == Predictor::reverse_diffusion) transition.noise_std *= from.relative_sigma() / to.relative_sigma();
  const at::Tensor next = after_transition(transition, reverse, i, x, x0);
  return {.x = corrected(reverse, i + 1, next), .x0 = x0};
}

}  // namespace recon
