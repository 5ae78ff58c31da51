#include "recon/solvers/classical/richardson_lucy.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "operators/unsuitable_operator.h"
#include "recon/core/error.h"
#include "recon/core/per_entry.h"
#include "recon/core/rng.h"
#include "recon/solvers/classical/count_thinning.h"
#include "recon/solvers/classical/image_gradient.h"
#include "recon/solvers/context.h"

namespace recon {
namespace {

const char* const kLocation = "solver richardson_lucy";
constexpr double kNegativeShare = 1e-5;  ///< of the largest value: rounding of single-precision transforms
constexpr double kUnseen = 1e-6;         ///< of the largest sensitivity
constexpr double kNegativeStds = 5;

/// The operator on sparse points, whose images show every lobe of its kernels.
void require_non_negative(const LinearOperator& op, const at::TensorOptions& like) {
  if (op.domain().scalar == ScalarKind::complex || op.range().scalar == ScalarKind::complex) {
    throw UnsuitableOperator(
        kLocation, "counts photons and needs real images and data, got {}; use tikhonov_cg or tv_pdhg", op.name());
  }
  const at::Tensor draw = Rng(0, "richardson_lucy probe").uniform({{0, 0}, {1, 0}}, 0, op.domain());
  const at::Tensor points = (draw < 1.0 / 64).to(like.device(), c10::typeMetaToScalarType(like.dtype()));
  const at::Tensor data = op.apply(points);
  if (data.min().item<double>() < -kNegativeShare * data.abs().max().item<double>()) {
    throw UnsuitableOperator(
        kLocation, "needs an operator without negative elements, {} has some; use tikhonov_cg or tv_pdhg", op.name());
  }
}

/// W b, what the background adds to the whitened data.
at::Tensor whitened_background(const Problem& problem) {
  if (!problem.background.defined()) return at::zeros({1}, problem.y.options());
  const at::Tensor b = problem.background.to(problem.y.options());
  return problem.whitening.defined() ? b * problem.whitening.to(b.options()) : b;
}

at::Tensor non_negative_data(const SolverContext& context, const at::Tensor& background) {
  const at::Tensor y = context.y() + background;
  const at::Tensor bound = per_item(context.problem().noise_std, y) * -kNegativeStds;
  if ((y < bound).any().item<bool>()) {
    throw data_error("measurement",
                     "photon counts are not negative, got {}; is the image_range's low end 0? If a background was "
                     "taken from the data, state it (noise: background)",
                     y.min().item<double>());
  }
  return y.clamp_min(0);
}

/// D^T(D x / |D x|), minus the divergence of the unit gradient. Its slope is at most ||D||² over the smoothing, and a
/// multiplicative step is one of length x along the gradient: with this smoothing it is stable at the brightest pixel.
at::Tensor curvature(const at::Tensor& x, double tv) {
  const ImageGradient g = image_gradient(x);
  const at::Tensor brightest = g.of_volume() ? x.amax({1, 2, 3, 4}, true) : x.amax({1, 2, 3}, true);
  const at::Tensor smoothing = gradient_norm(x) * tv * brightest;
  at::Tensor square = g.vertical.square() + g.horizontal.square();
  if (g.of_volume()) square = square + g.axial.square();
  const at::Tensor length = (square + smoothing.square()).sqrt().clamp_min(1e-30);
  ImageGradient direction{g.vertical / length, g.horizontal / length};
  if (g.of_volume()) direction.axial = g.axial / length;
  return image_gradient_adjoint(direction);
}

/// Where on the way from residual a to a + d the squared norm falls to `target`; 1 when it does not.
double crossing(double a_square, double a_d, double d_square, double target) {
  const double excess = a_square - target;
  const double root = a_d * a_d - d_square * excess;
  return d_square > 0 && root >= 0 ? std::clamp((-a_d - std::sqrt(root)) / d_square, 0.0, 1.0) : 1.0;
}

/// The likelihood of the counts behind whitened data. "Predicted" is A x of the whitened operator, without background.
class Counts {
 public:
  Counts(SolverContext& context, const LinearOperator& op, const RichardsonLucy& options)
      : context_(context), op_(op), options_(options), background_(whitened_background(context.problem())) {
    const at::Tensor& whitening = context.problem().whitening;
    unwhiten_ =
        whitening.defined() ? whitening.to(context.y().options()).reciprocal() : at::ones({1}, context.y().options());
    measured_ = at::ones_like(context.y());
    if (op.support().defined()) measured_ = measured_ * op.support().to(measured_.options());
    sensitivity_ = back(measured_);
    const at::Tensor largest = sensitivity_.flatten(1).amax(1).view({-1, 1, 1, 1});
    seen_ = sensitivity_ > kUnseen * largest;
    data_ = measured_ * non_negative_data(context, background_);
  }

  /// Background included, whitened.
  const at::Tensor& data() const { return data_; }
  /// Photons of whitened data, and back.
  at::Tensor photons(const at::Tensor& whitened) const { return whitened * unwhiten_ / context_.problem().photon; }
  at::Tensor whitened(const at::Tensor& photons) const { return photons * context_.problem().photon / unwhiten_; }
  at::Tensor expected_photons(const at::Tensor& predicted) const {
    return measured_ * photons(predicted.clamp_min(0) + background_);
  }

  at::Tensor flat_image() const {
    if (options_.start) return at::full_like(sensitivity_, *options_.start);
    // A background may be all there is; some light must be left to begin with.
    const at::Tensor all = (data_ * unwhiten_).flatten(1).sum(1);
    const at::Tensor own = ((data_ - measured_ * background_) * unwhiten_).flatten(1).sum(1);
    const at::Tensor total = at::maximum(own, 0.01 * all), gain = sensitivity_.flatten(1).sum(1);
    return at::zeros_like(sensitivity_) + (total / gain.clamp_min(1e-30)).view({-1, 1, 1, 1});
  }

  /// One step towards `data` from x, whose data are A x.
  at::Tensor next(const at::Tensor& x, const at::Tensor& predicted, const at::Tensor& data) const {
    const at::Tensor mean = predicted + background_;
    const at::Tensor floor = 1e-12 * mean.abs().flatten(1).amax(1);
    const at::Tensor ratio = measured_ * data / at::maximum(mean, per_item(floor, mean).clamp_min(1e-30));
    at::Tensor step = back(ratio);
    if (options_.normalized) step = step / at::where(seen_, sensitivity_, at::ones_like(sensitivity_));
    if (options_.tv > 0) step = step / (1 + options_.tv * curvature(x, options_.tv));
    return at::where(seen_, x * step.clamp_min(0), x);
  }

 private:
  at::Tensor back(const at::Tensor& counts) const {
    return context_.operate([&] { return op_.adjoint(counts * unwhiten_); });
  }

  SolverContext& context_;
  const LinearOperator& op_;
  const RichardsonLucy& options_;
  at::Tensor background_, unwhiten_, measured_, sensitivity_, seen_, data_;
};

/// `stopping: held_out`: which entries the next step would do no good.
class HeldOutPhotons {
 public:
  HeldOutPhotons(SolverContext& context, const LinearOperator& op, const Counts& counts, const at::Tensor& start,
                 const at::Tensor& predicted)
      : context_(context), op_(op), counts_(counts), x_(start), predicted_(predicted) {
    const at::Tensor photons = counts.photons(counts.data());
    const at::Tensor half = half_of_counts(photons, context.seed(), context.problem().keys);
    fitted_ = counts.whitened(2 * half);  // doubled, so that both images have one scale
    held_out_ = 2 * (photons - half);
    darkest_ = (kDarkestShare * photons.flatten(1).mean(1)).clamp_min(1e-12);
    loss_ = loss();
  }

  /// Before the step that follows `steps_done` ones.
  std::vector<bool> finished(std::int64_t steps_done) {
    x_ = counts_.next(x_, predicted_, fitted_);
    predicted_ = context_.operate([&] { return op_.apply(x_); });
    const at::Tensor loss = this->loss();
    const std::vector<double> gains = host_values(loss_ - loss);
    std::vector<bool> flags;
    for (const double gain : gains) {
      // The gain of a step falls off like 1 / steps²: what is still to come is about as much as steps times it.
      const double rest = gain * static_cast<double>(steps_done);
      flags.push_back(steps_done > 0 && !(rest > kNoEvidence));
    }
    loss_ = loss;
    return flags;
  }

 private:
  at::Tensor expected(const at::Tensor& predicted) const {
    const at::Tensor photons = counts_.expected_photons(predicted);
    return at::maximum(photons, per_item(1e-6 * darkest_, photons));
  }
  static at::Tensor total(const at::Tensor& values) { return values.to(at::kDouble).flatten(1).sum(1); }

  at::Tensor loss() const {
    const at::Tensor mean = expected(predicted_);
    return total(mean - at::xlogy(held_out_, mean));
  }
  static constexpr double kDarkestShare = 0.01;
  static constexpr double kNoEvidence = 0.2;  ///< of the log likelihood of all held-out photons, doubled

  SolverContext& context_;
  const LinearOperator& op_;
  const Counts& counts_;
  at::Tensor x_, predicted_;  ///< of half of the photons
  at::Tensor fitted_, held_out_, darkest_, loss_;
};

}  // namespace

void RichardsonLucy::visit(ParameterVisitor& v) {
  v.field("tv", tv, "share of total variation in the gradient; 0 for none", {.min = 0, .max = 0.2});
  v.choice("stopping", stopping,
           "when half of the photons no longer predict the other half, at chi² = 1, or after max_iterations");
  v.field("max_iterations", max_iterations, "iterations at most", {.min = 1});
  v.field("start", start, "value of the flat image to start with; absent: that of the data's total",
          {.min = 0, .open_min = true});
  v.field("normalized", normalized, "divide by A^T 1, what a pixel's light loses at the border");
}

at::Tensor RichardsonLucy::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, kLocation);
  require_non_negative(*op, context.image_options());
  const Counts counts(context, *op, *this);
  const auto batch = static_cast<std::size_t>(context.batch());
  const bool photons = context.problem().photon > 0;
  if (stopping == Stopping::held_out && !photons) {
    throw usage_error(kLocation, "stopping: held_out needs photon counts (noise: poisson), these are none");
  }
  const bool hold_out = photons && (stopping == Stopping::automatic || stopping == Stopping::held_out);
  const bool by_chi2 = stopping == Stopping::discrepancy || (stopping == Stopping::automatic && !photons);
  std::vector<double> targets;
  for (const double std : context.problem().noise_std) {
    targets.push_back(by_chi2 && std > 0 ? std * std * static_cast<double>(op->measured_components()) : -1);
  }
  at::Tensor x = counts.flat_image();
  at::Tensor predicted = context.operate([&] { return op->apply(x); });
  at::Tensor residual = context.y() - predicted, squares = squared_norms(residual);
  std::optional<HeldOutPhotons> held_out;
  if (hold_out) held_out.emplace(context, *op, counts, x, predicted);
  std::vector<bool> done;
  const std::vector<double> at_start = host_values(squares);
  for (std::size_t i = 0; i < batch; ++i) done.push_back(at_start[i] <= targets[i]);
  for (std::int64_t iteration = 1; iteration <= max_iterations; ++iteration) {
    if (held_out) {
      const std::vector<bool> finished = held_out->finished(iteration - 1);
      for (std::size_t i = 0; i < batch; ++i) done[i] = done[i] || finished[i];
    }
    const at::Tensor next = counts.next(x, predicted, counts.data());
    const at::Tensor change = predicted - context.operate([&] { return op->apply(next); });
    // ||residual + t change||² is known for every t from two inner products: no further operator call.
    const std::vector<double> parabola =
        host_values(at::cat({squares, real_inner(residual, change), squared_norms(change)}));
    std::vector<double> share(batch, 1);
    for (std::size_t i = 0; i < batch; ++i) {
      const double before = parabola[i], inner = parabola[batch + i], d = parabola[2 * batch + i];
      const bool reached = before + 2 * inner + d <= targets[i];
      // The entry that gets to its target in this step stops on the way, at chi² = 1 exactly.
      share[i] = done[i] ? 0 : reached ? crossing(before, inner, d, targets[i]) : 1;
      done[i] = done[i] || reached;
    }
    x = x + per_item(share, x) * (next - x);
    predicted = predicted - per_item(share, predicted) * change;  // A is linear: no second call
    residual = context.y() - predicted;
    squares = squared_norms(residual);
    const bool all_done = std::all_of(done.begin(), done.end(), [](bool flag) { return flag; });
    const Step step{.done = iteration, .total = all_done ? iteration : max_iterations, .residual_squares = squares};
    if (!context.end_step(step, x, x) || all_done) break;
  }
  for (std::size_t i = 0; i < batch; ++i) {
    if (done[i]) context.mark_converged(static_cast<std::int64_t>(i));
  }
  return x;
}

}  // namespace recon
