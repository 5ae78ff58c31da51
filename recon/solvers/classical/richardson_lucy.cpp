#include "recon/solvers/classical/richardson_lucy.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "operators/unsuitable_operator.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
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

at::Tensor non_negative_data(const SolverContext& context) {
  const at::Tensor& y = context.y();
  const at::Tensor bound = per_item(context.problem().noise_std, y) * -kNegativeStds;
  if ((y < bound).any().item<bool>()) {
    throw data_error("measurement", "photon counts are not negative, got {}; is the image_range's low end 0?",
                     y.min().item<double>());
  }
  return y.clamp_min(0);
}

/// D^T(D x / |D x|), minus the divergence of the unit gradient. Its slope is at most ||D||² over the smoothing, and a
/// multiplicative step is one of length x along the gradient: with this smoothing it is stable at the brightest pixel.
at::Tensor curvature(const at::Tensor& x, double tv) {
  const ImageGradient g = image_gradient(x);
  const at::Tensor smoothing = kGradientNorm * tv * x.amax({1, 2, 3}, true);
  const at::Tensor length = (g.vertical.square() + g.horizontal.square() + smoothing.square()).sqrt().clamp_min(1e-30);
  return image_gradient_adjoint({g.vertical / length, g.horizontal / length});
}

/// Where on the way from residual a to a + d the squared norm falls to `target`; 1 when it does not.
double crossing(double a_square, double a_d, double d_square, double target) {
  const double excess = a_square - target;
  const double root = a_d * a_d - d_square * excess;
  return d_square > 0 && root >= 0 ? std::clamp((-a_d - std::sqrt(root)) / d_square, 0.0, 1.0) : 1.0;
}

/// The likelihood of the counts behind whitened data.
class Counts {
 public:
  Counts(SolverContext& context, const LinearOperator& op) : context_(context), op_(op) {
    const at::Tensor& whitening = context.problem().whitening;
    unwhiten_ =
        whitening.defined() ? whitening.to(context.y().options()).reciprocal() : at::ones({1}, context.y().options());
    measured_ = at::ones_like(context.y());
    if (op.support().defined()) measured_ = measured_ * op.support().to(measured_.options());
    sensitivity_ = back(measured_);
    const at::Tensor largest = sensitivity_.flatten(1).amax(1).view({-1, 1, 1, 1});
    seen_ = sensitivity_ > kUnseen * largest;
    data_ = non_negative_data(context);
  }

  const at::Tensor& data() const { return data_; }

  at::Tensor flat_image() const {
    const at::Tensor total = (data_ * unwhiten_).flatten(1).sum(1), gain = sensitivity_.flatten(1).sum(1);
    return at::zeros_like(sensitivity_) + (total / gain.clamp_min(1e-30)).view({-1, 1, 1, 1});
  }

  /// One step from x, whose data are A x.
  at::Tensor next(const at::Tensor& x, const at::Tensor& predicted, double tv) const {
    const at::Tensor floor = 1e-12 * predicted.abs().flatten(1).amax(1);
    const at::Tensor ratio = measured_ * data_ / at::maximum(predicted, per_item(floor, predicted).clamp_min(1e-30));
    at::Tensor step = back(ratio) / at::where(seen_, sensitivity_, at::ones_like(sensitivity_));
    if (tv > 0) step = step / (1 + tv * curvature(x, tv));
    return at::where(seen_, x * step.clamp_min(0), x);
  }

 private:
  at::Tensor back(const at::Tensor& counts) const {
    return context_.operate([&] { return op_.adjoint(counts * unwhiten_); });
  }

  SolverContext& context_;
  const LinearOperator& op_;
  at::Tensor unwhiten_, measured_, sensitivity_, seen_, data_;
};

}  // namespace

void RichardsonLucy::visit(ParameterVisitor& v) {
  v.field("tv", tv, "share of total variation in the gradient; 0 for none", {.min = 0, .max = 0.2});
  v.choice("stopping", stopping, "at chi² = 1, or after max_iterations");
  v.field("max_iterations", max_iterations, "iterations at most", {.min = 1});
}

at::Tensor RichardsonLucy::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, kLocation);
  require_non_negative(*op, context.image_options());
  const Counts counts(context, *op);
  const auto batch = static_cast<std::size_t>(context.batch());
  std::vector<double> targets;
  for (const double std : context.problem().noise_std) {
    const bool fitted = stopping == Stopping::discrepancy && std > 0;
    targets.push_back(fitted ? std * std * static_cast<double>(op->measured_components()) : -1);
  }
  at::Tensor x = counts.flat_image();
  at::Tensor predicted = context.operate([&] { return op->apply(x); });
  at::Tensor residual = context.y() - predicted, squares = squared_norms(residual);
  std::vector<bool> done;
  for (std::size_t i = 0; i < batch; ++i) {
    done.push_back(squares[static_cast<std::int64_t>(i)].item<double>() <= targets[i]);
  }
  for (std::int64_t iteration = 1; iteration <= max_iterations; ++iteration) {
    const at::Tensor next = counts.next(x, predicted, tv);
    const at::Tensor change = predicted - context.operate([&] { return op->apply(next); });
    // ||residual + t change||² is known for every t from two inner products: no further operator call.
    const at::Tensor slope = real_inner(residual, change), length = squared_norms(change);
    std::vector<double> share(batch, 1);
    for (std::size_t i = 0; i < batch; ++i) {
      const auto index = static_cast<std::int64_t>(i);
      const double before = squares[index].item<double>(), d = length[index].item<double>();
      const double inner = slope[index].item<double>();
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
