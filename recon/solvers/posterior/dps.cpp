#include "recon/solvers/posterior/dps.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>

#include "operators/inverse_filter.h"
#include "priors/samplers/sampler.h"
#include "recon/core/error.h"
#include "recon/core/per_entry.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/data_weight.h"
#include "recon/solvers/posterior/inner_solves.h"
#include "recon/solvers/posterior/mean_gain.h"

namespace recon {
namespace {

constexpr const char* dps_stream = "dps";

/// The guidance term: what one network pass and its pullback say about the data.
struct GuidanceTerm {
  at::Tensor x0;                   ///< D = E[x_0 | x_t]
  at::Tensor residual_squares;     ///< `[batch]` ||r||², r = y - A(D)
  at::Tensor energy;               ///< `[batch]` <r, W r>
  at::Tensor noise_share;          ///< `[batch]` ||W r||² / <r, W r>; 1 where r = 0
  at::Tensor likelihood_gradient;  ///< p = J^T w, w = A'(D)^H W r: minus half the gradient of <r, W r> in x_t
  at::Tensor curvature;            ///< `[batch]` <w, p> / <r, W r>; 0 where r = 0
};

/// `gain` undefined: W = 1.
GuidanceTerm guidance_at(SolverContext& context, const Linearized& denoised, const NoiseLevel& level,
                         const at::Tensor& gain) {
  const at::Tensor r = context.residual(denoised.x0);
  at::Tensor weighted = r;
  if (gain.defined()) {
    weighted = weighted_residual(context, r, context.prior().denoising_mse(level.relative_sigma()), gain);
  }
  const at::Tensor w = context.vjp(denoised.x0, weighted);
  GuidanceTerm result;
  result.x0 = denoised.x0;
  result.residual_squares = squared_norms(r);
  result.likelihood_gradient = denoised.pullback(w);
  result.energy = weighted.is_same(r) ? result.residual_squares : real_inner(r, weighted);
  const auto per_energy = [&](const at::Tensor& a, double otherwise) {
    return at::where(result.energy > 0, a / result.energy, at::full_like(a, otherwise));
  };
  result.curvature = per_energy(real_inner(w, result.likelihood_gradient), 0);
  result.noise_share = per_energy(squared_norms(weighted), 1);
  return result;
}

/// The variance v of `guidance: auto`, `[batch]`; see the header.
at::Tensor evidence_variance(const SolverContext& context, const GuidanceTerm& guidance, const at::Tensor& gain,
                             const at::Tensor& noise, const NoiseLevel& from, const NoiseLevel& to) {
  const auto m = static_cast<double>(context.op().measured_components());
  const double tweedie = from.sigma * from.sigma / from.alpha;
  const double ratio = to.relative_sigma() / from.relative_sigma();
  const at::Tensor floor = noise + context.prior().denoising_mse(from.relative_sigma()) * gain;
  const at::Tensor along = noise * guidance.noise_share + tweedie * guidance.curvature;
  const at::Tensor evidence = at::minimum(guidance.energy / m, along);
  constexpr double tiny = 1e-30;  // noise-free data met exactly: p is 0 then
  return at::maximum(at::maximum(evidence, floor), (1 - ratio * ratio) * along).clamp_min(tiny);
}

/// The sampler's denoiser: D, or with `guidance: auto` D_y. Remembers its last guidance term.
class DpsDenoiser {
 public:
  DpsDenoiser(const Dps& options, std::int64_t solves, SolverContext& context, const std::vector<NoiseLevel>& levels)
      : options_(options),
        context_(context),
        levels_(levels),
        noise_(per_entry(context.problem().noise_std, context.y()).square()),
        filtered_(inverse_filter_of(context.op(), [](double, double) { return 1.0; }) != nullptr) {
    if (solves > 0)
      inner_.emplace(context, solves);
    else if (options.guidance == Dps::Guidance::automatic)
      gain_.emplace(context);
  }

  at::Tensor operator()(const at::Tensor& x_t, const NoiseLevel& from) {
    const Linearized denoised = context_.linearize(x_t, from);
    if (inner_) {
      const InnerSolves::Conditioned y = inner_->at_level(denoised, from);
      last_ = {};
      last_.residual_squares = y.residual_squares;
      return guidance_.added(in_range(denoised.x0), y.shift);
    }
    const at::Tensor gain = gain_ ? gain_->at_image(denoised.x0, ++passes_) : at::Tensor();
    last_ = guidance_at(context_, denoised, from, filtered_ ? gain : at::Tensor());
    const at::Tensor x0 = in_range(last_.x0);
    if (!gain.defined()) return x0;
    const at::Tensor v = evidence_variance(context_, last_, gain, noise_, from, next_after(from));
    return guidance_.added(x0, last_.likelihood_gradient * per_item(from.sigma * from.sigma / from.alpha / v, x_t));
  }

  const GuidanceTerm& last() const { return last_; }
  /// D_y - D of the step that was taken by it; undefined for guidance constant.
  at::Tensor take_guidance() { return guidance_.take(); }

 private:
  /// With `clip_mean` within the range of the prior. The data term is that of the image as it was.
  at::Tensor in_range(const at::Tensor& x0) const {
    const ImageDomain& domain = context_.prior().domain();
    return options_.clip_mean ? x0.clamp(domain.low, domain.high) : x0;
  }
  /// The level that a step from here goes to.
  const NoiseLevel& next_after(const NoiseLevel& level) const {
    return *std::find_if(levels_.begin(), levels_.end() - 1, [&](const NoiseLevel& candidate) {
      return candidate.relative_sigma() < level.relative_sigma();
    });
  }

  const Dps& options_;
  SolverContext& context_;
  const std::vector<NoiseLevel>& levels_;
  at::Tensor noise_;              ///< `[batch]` noise_std²
  bool filtered_;                 ///< the operator knows its inverse filter: W is not 1
  std::optional<MeanGain> gain_;  ///< none for guidance constant
  GuidanceTerm last_;
  StepGuidance guidance_;
  std::optional<InnerSolves> inner_;  ///< none: one variance for all data
  std::int64_t passes_ = 0;
};

/// What `solves` means for this operator.
std::int64_t inner_solves(const Dps& options, const Operator& op) {
  const bool constant = options.guidance == Dps::Guidance::constant;
  if (!options.solves) return constant || !op.is_linear() ? 0 : 3;
  if (constant && *options.solves > 0) {
    throw usage_error("solver dps", "guidance constant has no inner solves, got {}; use guidance auto",
                      *options.solves);
  }
  return *options.solves;
}

}  // namespace

void Dps::visit(ParameterVisitor& v) {
  sampling.visit(v, "network steps; 0: 15 from the data and 25 from noise with inner solves, 100 without", 0);
  v.field("solves", solves,
          "conjugate gradients per step on the data's own system, one backward pass each; 0: one variance for all "
          "data; default: 3 for linear operators, 0 for others and for guidance constant",
          {.min = 0, .max = 100});
  v.choice("guidance", guidance,
           "auto: weight from the noise, the residual and the denoiser's error; constant: step_size");
  v.choice("norm", norm, "guidance constant: what step_size multiplies the gradient of");
  v.field("step_size", step_size, "guidance constant: zeta of the paper; 0.1 to 1 for norm residual", {.min = 0});
  v.field("clip_mean", clip_mean, "clip the denoised image to the prior's range in the mean (not in the gradient)");
}

at::Tensor Dps::run(SolverContext& context) const {
  const bool constant = guidance == Guidance::constant;
  if (constant && sampling.sampler != "auto") {
    throw usage_error("solver dps", "guidance constant shifts the steps of sampler auto, got {}; use guidance auto",
                      sampling.sampler);
  }
  const std::int64_t solves_per_step = inner_solves(*this, context.op());
  GuidedSampler placed = sampling;
  // An image of the data saves the steps at high noise; fewer do, and those lie closer where the noise is high.
  if (!placed.start.from && solves_per_step > 0 && context.op().is_linear()) placed.start.from = Start::From::data;
  const bool from_data = solves_per_step > 0 && placed.start.from == Start::From::data;
  if (placed.steps == 0) placed.steps = from_data ? 15 : solves_per_step > 0 ? 25 : 100;
  if (!placed.order && solves_per_step > 0) placed.order = GuidedSampler::Order::second;
  if (!placed.spacing && from_data) placed.spacing = Spacing::karras;
  if (!placed.spacing && constant) placed.spacing = Spacing::uniform_t;
  const std::vector<NoiseLevel> levels = placed.levels(context);
  DpsDenoiser denoiser(*this, solves_per_step, context, levels);
  return placed.sample(context, levels, dps_stream, std::ref(denoiser), [&](SamplerStep& step) {
    const GuidanceTerm& data = denoiser.last();
    at::Tensor change = denoiser.take_guidance();
    if (constant) {
      const at::Tensor scale = norm == Norm::squared ? at::full_like(data.residual_squares, 2 * step_size)
                                                     : step_size / data.residual_squares.sqrt().clamp_min(1e-30);
      const at::Tensor shift = data.likelihood_gradient * per_item(scale, step.x);
      step.x = step.x + shift;
      // The change of the denoised image that would have moved an ancestral step as far.
      const double ratio = step.next.relative_sigma() / step.level.relative_sigma();
      change = shift / (step.next.alpha * (1 - ratio * ratio));
    }
    return GuidedSampler::Judged{.residual_squares = data.residual_squares, .guidance = change};
  });
}

}  // namespace recon
