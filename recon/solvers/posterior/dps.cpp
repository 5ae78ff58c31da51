#include "recon/solvers/posterior/dps.h"

#include <ATen/ATen.h>

#include "priors/transition.h"
#include "recon/core/error.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/operator_gain.h"

namespace recon {
namespace {

constexpr const char* stream = "dps";

/// What one network pass and its pullback say about the data.
struct Pull {
  at::Tensor x0;                ///< D = E[x_0 | x_t]
  at::Tensor residual_squares;  ///< `[batch]` ||r||², r = y - A(D)
  at::Tensor toward_data;       ///< p = J^T w, w = A'(D)^H r: minus half the gradient of ||r||² in x_t
  at::Tensor curvature;         ///< `[batch]` <w, p> / ||r||²; 0 where r = 0
};

Pull pull(SolverContext& context, const at::Tensor& x_t, const NoiseLevel& level) {
  const Linearized denoised = context.linearize(x_t, level);
  const at::Tensor r = context.residual(denoised.x0);
  const at::Tensor w = context.vjp(denoised.x0, r);
  Pull result{
      .x0 = denoised.x0, .residual_squares = squared_norms(r), .toward_data = denoised.pullback(w), .curvature = {}};
  const at::Tensor along = real_inner(w, result.toward_data);
  result.curvature = at::where(result.residual_squares > 0, along / result.residual_squares, at::zeros_like(along));
  return result;
}

/// The variance v of `guidance: auto`, `[batch]`; see the header.
at::Tensor evidence_variance(const SolverContext& context, const Pull& pull, const at::Tensor& gain,
                             const NoiseLevel& from, const NoiseLevel& to) {
  const auto m = static_cast<double>(context.op().measured_components());
  const at::Tensor noise = at::tensor(context.problem().noise_std, at::kDouble).square();
  const double tweedie = from.sigma * from.sigma / from.alpha;
  const double ratio = to.relative_sigma() / from.relative_sigma();
  const at::Tensor floor = noise + context.prior().denoising_mse(from.relative_sigma()) * gain;
  const at::Tensor along = noise + tweedie * pull.curvature;
  const at::Tensor evidence = at::minimum(pull.residual_squares / m, along);
  constexpr double tiny = 1e-30;  // noise-free data met exactly: p is 0 then
  return at::maximum(at::maximum(evidence, floor), (1 - ratio * ratio) * along).clamp_min(tiny);
}

/// Linear extrapolation in log r to the middle of the next step (DPM-Solver++ 2M), from the two last denoised images.
at::Tensor extrapolated(const at::Tensor& now, const at::Tensor& before, const std::vector<NoiseLevel>& levels,
                        std::size_t i) {
  const auto width = [&](std::size_t k) {
    return std::log(levels[k].relative_sigma() / levels[k + 1].relative_sigma());
  };
  return now + (now - before) * (0.5 * width(i) / width(i - 1));
}

}  // namespace

void Dps::visit(ParameterVisitor& v) {
  v.field("steps", steps, "network steps", {.min = 1});
  v.choice("guidance", guidance, {"auto", "constant"},
           "auto: weight from the noise, the residual and the denoiser's error; constant: step_size");
  v.choice("norm", norm, {"residual", "squared"}, "guidance constant: what step_size multiplies the gradient of");
  v.field("step_size", step_size, "guidance constant: zeta of the paper; 0.1 to 1 for norm residual", {.min = 0});
  v.field("eta", eta, "share of fresh noise: 1 ancestral (DDPM), 0 deterministic (DDIM)", {.min = 0, .max = 1});
  std::vector<std::string> spacings = spacing_names();
  spacings.insert(spacings.begin(), "auto");
  v.choice("spacing", spacing, spacings,
           "how steps are placed; auto: uniform_log_snr, with guidance constant uniform_t as published");
  v.choice("order", order, {"1", "2"}, "of the step; 2 extrapolates the denoised image: right spread from few steps");
  v.field("clip_mean", clip_mean, "clip the denoised image to the prior's range in the mean (not in the gradient)");
  v.field("start_relative_sigma", start_relative_sigma, "noise level to start from; default: the prior's highest",
          {.min = 0, .open_min = true});
}

std::vector<NoiseLevel> Dps::levels(const Prior& prior) const {
  const std::string automatic = guidance == "auto" ? "uniform_log_snr" : "uniform_t";
  std::vector<NoiseLevel> result = prior.schedule().steps(steps, spacing_from(spacing == "auto" ? automatic : spacing),
                                                          start_relative_sigma.value_or(prior.max_relative_sigma()));
  result.push_back({.alpha = 1, .sigma = 0});
  return result;
}

at::Tensor Dps::run(SolverContext& context) const {
  const bool tuned = guidance == "auto";
  const bool second_order = order == "2";
  const ImageDomain& domain = context.prior().domain();
  const std::vector<NoiseLevel> level = levels(context.prior());
  OperatorGain gain(context);
  at::Tensor x = level[0].sigma * context.normal(stream, 0);
  at::Tensor estimate, before;
  for (std::int64_t done = 1; done <= steps; ++done) {
    const auto i = static_cast<std::size_t>(done - 1);
    const NoiseLevel &from = level[i], &to = level[i + 1];
    const Pull data = pull(context, x, from);
    estimate = clip_mean ? data.x0.clamp(domain.low, domain.high) : data.x0;
    if (tuned) {
      const at::Tensor v = evidence_variance(context, data, gain.at_image(data.x0, done), from, to);
      estimate = estimate + data.toward_data * per_item(from.sigma * from.sigma / from.alpha / v, x);
    }
    const bool extrapolate = second_order && before.defined() && to.sigma > 0;
    const Transition step = reverse_transition(from, to, eta);
    at::Tensor next =
        step.x0_weight * (extrapolate ? extrapolated(estimate, before, level, i) : estimate) + step.xt_weight * x;
    if (step.noise_std > 0) next = next + step.noise_std * context.normal(stream, done);
    if (!tuned) {
      const at::Tensor scale = norm == "squared" ? at::full_like(data.residual_squares, 2 * step_size)
                                                 : step_size / data.residual_squares.sqrt().clamp_min(1e-30);
      next = next + data.toward_data * per_item(scale, x);
    }
    before = estimate;
    x = next;
    const Step end{
        .done = done, .total = steps, .relative_sigma = to.relative_sigma(), .residual_squares = data.residual_squares};
    if (done == steps) estimate = x;
    if (!context.end_step(end, x, estimate)) break;
  }
  return estimate;
}

}  // namespace recon
