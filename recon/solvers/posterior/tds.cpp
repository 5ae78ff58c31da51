#include "recon/solvers/posterior/tds.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <vector>

#include "priors/samplers/ddim.h"
#include "recon/core/per_entry.h"
#include "recon/core/rng.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/data_step.h"
#include "recon/solvers/posterior/pseudoinverse_guidance.h"

namespace recon {
namespace {

constexpr const char* tds_stream = "tds";

/// All walks of all entries at one level. Images are `[particles, batch, C, H, W]`, numbers `[particles, batch]`.
struct Walks {
  at::Tensor x;          ///< X = x_t / alpha_t
  at::Tensor x0;         ///< D
  at::Tensor guidance;   ///< D_y - D
  at::Tensor x0_before;  ///< the same at the level before; undefined at the first
  at::Tensor guidance_before;
  at::Tensor log_twist;    ///< log psi_t
  at::Tensor log_weights;  ///< up to a constant of each entry

  /// [particles, batch, 1, ...]: what a number of each walk is shaped like to go with its image.
  Shape per_walk() const {
    Shape shape(static_cast<std::size_t>(x.dim()), 1);
    shape[0] = x.size(0);
    shape[1] = x.size(1);
    return shape;
  }

  /// Those that `ancestors` [particles, batch] names.
  void select(const at::Tensor& ancestors) {
    for (at::Tensor* images : {&x, &x0, &guidance, &x0_before, &guidance_before}) {
      if (!images->defined()) continue;
      const at::Tensor index = ancestors.view(per_walk());
      *images = images->gather(0, index.expand_as(*images));
    }
    log_twist = log_twist.gather(0, ancestors);
  }

  /// Walks that ran away to infinity count nothing. Where all did, their entry has no finite weights and is reported.
  void bury_lost() {
    const at::Tensor lost = at::isfinite(log_weights).logical_not();
    log_weights = log_weights.masked_fill(lost, -std::numeric_limits<double>::infinity());
    log_twist = log_twist.masked_fill(lost, 0);
    for (at::Tensor* images : {&x, &x0, &guidance}) {
      *images = images->masked_fill(lost.view(per_walk()), 0);
    }
  }
};

/// Index of each new walk's ancestor, `[particles, batch]`: systematic resampling by one uniform number per entry.
at::Tensor ancestors_by(const at::Tensor& weights, const at::Tensor& uniform) {
  const std::int64_t count = weights.size(0);
  const at::Tensor cumulated = weights.cumsum(0).t().contiguous();
  const at::Tensor positions = (at::arange(count, weights.options()).unsqueeze(0) + uniform.view({-1, 1})) / count;
  return at::searchsorted(cumulated, positions.contiguous()).clamp_max(count - 1).t();
}

class TwistedWalks {
 public:
  TwistedWalks(const Tds& options, SolverContext& context)
      : options_(options),
        context_(context),
        op_(as_linear(context.problem().op, "solver tds")),
        noise_(noise_variances(context)),
        error_(context),
        uniform_(context.seed(), "tds resampling") {}

  /// At the first level: noise.
  void begin(const NoiseLevel& level) {
    walks_.x = level.relative_sigma() * noise(0);
    walks_.log_weights = per_entry(0, context_.y()).expand({options_.particles, -1});
  }

  /// D, guidance and psi at the level where the walks are, and psi's part of the weights.
  void look(const NoiseLevel& level) {
    const at::Tensor before = walks_.log_twist;
    std::vector<at::Tensor> x0, guidance, twist, along;
    residual_squares_ = per_entry(0, context_.y());
    for (std::int64_t k = 0; k < options_.particles; ++k) {
      const PseudoinverseGuidance g =
          pseudoinverse_guidance(context_, *op_, walks_.x[k] * level.alpha, level, error_.at_level(level), noise_);
      x0.push_back(g.x0);
      guidance.push_back(g.shift);
      twist.push_back(-0.5 * g.energy);
      along.push_back(g.along);
      residual_squares_ = residual_squares_ + g.residual_squares / static_cast<double>(options_.particles);
    }
    walks_.x0_before = walks_.x0;
    walks_.guidance_before = walks_.guidance;
    walks_.x0 = at::stack(x0);
    walks_.guidance = at::stack(guidance);
    walks_.log_twist = at::stack(twist);
    walks_.log_weights =
        walks_.log_weights + walks_.log_twist - (before.defined() ? before : at::zeros_like(walks_.log_twist));
    walks_.bury_lost();
    error_.learn((weights() * at::stack(along).nan_to_num(0)).sum(0), level);
  }

  /// Draws the walks anew where few of them count.
  void resample(std::int64_t step) {
    const at::Tensor w = weights();
    const at::Tensor effective = w.square().sum(0).reciprocal();
    const at::Tensor poor = effective < options_.resample_below * static_cast<double>(options_.particles);
    const at::Tensor drawn = ancestors_by(w, uniform(step));
    const at::Tensor same = at::arange(options_.particles, drawn.options()).unsqueeze(1).expand_as(drawn);
    walks_.select(at::where(poor.unsqueeze(0), drawn, same));
    walks_.log_weights = at::where(poor.unsqueeze(0), at::zeros_like(w), walks_.log_weights);
  }

  /// A step of dpmpp_2m with fresh noise, from level `i` to the next.
  void step(const std::vector<NoiseLevel>& levels, std::size_t i) {
    const NoiseLevel &from = levels[i], &to = levels[i + 1];
    const double ratio = std::pow(to.relative_sigma() / from.relative_sigma(), 2), pull = 1 - ratio;
    const double std = to.relative_sigma() * std::sqrt(pull);
    const at::Tensor z = noise(static_cast<std::int64_t>(i) + 1);
    const auto ahead = [&](const at::Tensor& now, const at::Tensor& before) {
      return before.defined() ? extrapolated(now, before, levels, i) : now;
    };
    const at::Tensor x0 = ahead(walks_.x0, walks_.x0_before), g = ahead(walks_.guidance, walks_.guidance_before);
    const auto dot = [](const at::Tensor& a, const at::Tensor& b) {
      const at::Tensor products = at::real(a.conj() * b).to(at::kDouble);
      return products.dim() == 5 ? products.sum({2, 3, 4}) : products.flatten(2).sum(2);
    };
    // log p - log q of the step: both have the same spread, their means differ by pull times the guidance.
    walks_.log_weights = walks_.log_weights - pull / std * dot(z, g) - 0.5 * std::pow(pull / std, 2) * dot(g, g);
    walks_.x = ratio * walks_.x + pull * (x0 + g) + std * z;
  }

  /// One walk of each entry by its weight: its D_y.
  at::Tensor draw(std::int64_t step) const {
    const at::Tensor below = (weights().cumsum(0) <= uniform(step).unsqueeze(0)).sum(0, true);
    Walks chosen = walks_;
    const at::Tensor index = below.clamp_max(options_.particles - 1).expand({options_.particles, context_.batch()});
    chosen.select(index);
    return (chosen.x0 + chosen.guidance)[0];
  }

  at::Tensor mean() const {
    const at::Tensor w = weights().view(walks_.per_walk()).to(walks_.x0.scalar_type());
    return ((walks_.x0 + walks_.guidance) * w).sum(0);
  }
  const at::Tensor& residual_squares() const { return residual_squares_; }

 private:
  at::Tensor weights() const { return at::softmax(walks_.log_weights, 0); }
  at::Tensor uniform(std::int64_t step) const {
    const at::Tensor drawn =
        uniform_.uniform(context_.problem().keys, static_cast<std::uint32_t>(step), {{1}, ScalarKind::real});
    return drawn.view({-1}).to(context_.y().device());
  }
  at::Tensor noise(std::int64_t step) const {
    std::vector<at::Tensor> all;
    for (std::int64_t k = 0; k < options_.particles; ++k) {
      all.push_back(context_.normal(fmt::format("{} {}", tds_stream, k), step));
    }
    return at::stack(all);
  }

  const Tds& options_;
  SolverContext& context_;
  LinearOperatorPtr op_;
  at::Tensor noise_;
  ErrorVariance error_;
  Rng uniform_;
  Walks walks_;
  at::Tensor residual_squares_;
};

}  // namespace

void Tds::visit(ParameterVisitor& v) {
  v.field("steps", steps, "network steps of each walk", {.min = 1});
  v.field("particles", particles, "walks for each sample; exact with many", {.min = 1, .max = 4096});
  v.field("resample_below", resample_below, "share of the walks that has to count, or they are drawn anew",
          {.min = 0, .max = 1});
  v.choice("spacing", spacing, "how steps are placed");
}

at::Tensor Tds::run(SolverContext& context) const {
  std::vector<NoiseLevel> levels =
      context.prior().schedule().steps(steps, spacing, context.prior().max_relative_sigma());
  TwistedWalks walks(*this, context);
  walks.begin(levels.front());
  at::Tensor estimate;
  for (std::int64_t k = 0; k < steps; ++k) {
    const auto index = static_cast<std::size_t>(k);
    walks.look(levels[index]);
    const bool last = k + 1 == steps;
    estimate = last ? walks.draw(steps + 1) : walks.mean();
    if (!last) {
      walks.resample(k);
      walks.step(levels, index);
    }
    const double sigma = last ? 0 : levels[index + 1].relative_sigma();
    if (!context.end_step(
            {.done = k + 1, .total = steps, .relative_sigma = sigma, .residual_squares = walks.residual_squares()},
            estimate, estimate)) {
      break;
    }
  }
  return estimate;
}

}  // namespace recon
