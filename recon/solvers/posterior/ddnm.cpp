#include "recon/solvers/posterior/ddnm.h"

#include <ATen/ATen.h>

#include "priors/transition.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/spectral_data.h"

namespace recon {
namespace {

constexpr const char* ddnm_stream = "ddnm";

/// From level `from` to level `to`: cleaner by a denoising step, or noisier again by time travel.
struct LevelChange {
  std::size_t from, to;
};

/// The way over levels 0 (noisiest) .. last (clean). Repeats begin at every `length`-th level above the cleanest
/// noisy one, where there are `length` levels to go back.
std::vector<LevelChange> level_path(std::size_t last, std::int64_t length, std::int64_t repeats) {
  const auto jump = static_cast<std::size_t>(length);
  std::vector<std::int64_t> left(last + 1, repeats - 1);
  std::vector<LevelChange> path;
  for (std::size_t at = 0; at < last;) {
    path.push_back({at, at + 1});
    ++at;
    const bool turns = at < last && at >= jump && (last - 1 - at) % jump == 0 && left[at] > 0;
    if (!turns) continue;
    --left[at];
    path.push_back({at, at - jump});
    at -= jump;
  }
  return path;
}

/// x at the noisier level: x_t = (alpha_t / alpha_s) x_s + noise.
at::Tensor renoised(const at::Tensor& x, const NoiseLevel& from, const NoiseLevel& to, const at::Tensor& z) {
  const double ratio = to.alpha / from.alpha;
  return ratio * x + std::sqrt(to.sigma * to.sigma - ratio * ratio * from.sigma * from.sigma) * z;
}

/// The denoising step that hides the noise of the data in its own.
class RangeNullStep {
 public:
  RangeNullStep(bool published, SolverContext& context)
      : published_(published),
        context_(context),
        data_(spectral_data(context, "solver ddnm")),
        noise_(data_.noise_ratio * per_item(context.problem().noise_std, data_.noise_ratio)) {}

  /// The x_0 that the step goes by, and x at the next level.
  std::pair<at::Tensor, at::Tensor> operator()(const at::Tensor& x, const NoiseLevel& from,
                                               const Transition& transition, const at::Tensor& z) {
    const at::Tensor denoised = context_.denoise(x, from);
    const double r2 = from.relative_sigma() * from.relative_sigma();
    const at::Tensor loud = transition.x0_weight * noise_;
    const at::Tensor lambda = published_ ? at::where(loud <= transition.noise_std, at::ones_like(loud),
                                                     transition.noise_std / loud.clamp_min(1e-30))
                                         : r2 / (r2 + noise_.square());
    const at::Tensor x0 = context_.operate(
        [&] { return data_.form.synthesize(data_.interpolated(data_.form.analyze(denoised), lambda)); });
    const at::Tensor mean = transition.x0_weight * x0 + transition.xt_weight * x;
    if (!(transition.noise_std > 0)) return {x0, mean};
    if (!published_) return {x0, mean + transition.noise_std * z};
    const at::Tensor fresh =
        (transition.noise_std * transition.noise_std - (lambda * loud).square()).clamp_min(0).sqrt();
    return {x0, mean + context_.operate([&] { return data_.form.synthesize(fresh * data_.form.analyze(z)); })};
  }

 private:
  bool published_;
  SolverContext& context_;
  SpectralData data_;
  at::Tensor noise_;  ///< `[batch, ...]` std of the coefficients of y / s; 0 where not measured
};

}  // namespace

void Ddnm::visit(ParameterVisitor& v) {
  v.choice("weight", weight,
           "weight of noisy data; auto: against the noise of the iterate; published: as the noise of the step allows");
  v.field("steps", steps, "noise levels; network passes too, unless time travel goes back", {.min = 1});
  v.field("eta", eta, "share of fresh noise: 1 ancestral (DDPM), 0 deterministic (DDIM)", {.min = 0, .max = 1});
  v.field("travel_length", travel_length, "time travel: steps to go back", {.min = 1});
  v.field("travel_repeats", travel_repeats, "time travel: how often each stretch is sampled; 1 for none", {.min = 1});
  v.choice("spacing", spacing, "how steps are placed");
}

at::Tensor Ddnm::run(SolverContext& context) const {
  const Prior& prior = context.prior();
  prior.require_start_from_noise();
  std::vector<NoiseLevel> levels = prior.schedule().steps(steps, spacing, prior.max_relative_sigma());
  levels.push_back({.alpha = 1, .sigma = 0});
  const std::vector<LevelChange> path = level_path(levels.size() - 1, travel_length, travel_repeats);
  RangeNullStep step(weight == Weight::published, context);
  at::Tensor x = levels[0].sigma * context.normal(ddnm_stream, 0);
  at::Tensor estimate = x;
  std::int64_t done = 0;
  for (const LevelChange& change : path) {
    const NoiseLevel &from = levels[change.from], &to = levels[change.to];
    const at::Tensor z = context.normal(ddnm_stream, ++done);
    if (change.to > change.from) {
      std::tie(estimate, x) = step(x, from, reverse_transition(from, to, eta), z);
    } else {
      x = renoised(x, from, to, z);
    }
    if (!context.end_step({.done = done,
                           .total = static_cast<std::int64_t>(path.size()),
                           .relative_sigma = to.relative_sigma(),
                           .residual_squares = {}},
                          x, estimate)) {
      break;
    }
  }
  return estimate;
}

}  // namespace recon
