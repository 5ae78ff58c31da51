#include "recon/solvers/classical/data_dual.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "recon/core/per_entry.h"
#include "recon/solvers/classical/operator_norm.h"

namespace recon {
namespace {

constexpr std::int64_t kCheckEvery = 20;
constexpr double kConstraintSlack = 0.01;  ///< of chi²

}  // namespace

DataDual::DataDual(SolverContext& context, const LinearOperator& op, const std::optional<double>& weight)
    : context_(context), op_(op), weight_(weight) {
  const double norm_squared = squared_operator_norm(op, context.image_options());
  norm_ = norm_squared > 0 ? std::sqrt(norm_squared) : 1;
  y_ = context.y() / norm_;
  p_ = at::zeros_like(y_);
  const auto components = static_cast<double>(op.measured_components());
  std::vector<double> radii;
  for (const double std : context.problem().noise_std) radii.push_back(std * std::sqrt(components) / norm_);
  radius_ = per_item(radii, y_);
}

at::Tensor DataDual::back() const {
  return context_.operate([&] { return op_.adjoint(p_); }) / norm_;
}

void DataDual::advance(const at::Tensor& ahead, const at::Tensor& sigma, double relaxation) {
  const at::Tensor misfit = context_.operate([&] { return op_.apply(ahead); }) / norm_ - y_;
  if (weight_) {  // the conjugate of ||A x - y||² / (2 weight)
    p_.lerp_((p_ + sigma * misfit) / (1 + sigma * *weight_ / (norm_ * norm_)), relaxation);
    return;
  }
  // The conjugate of the ball ||A x - y|| <= radius: by Moreau's identity, what the projection onto it takes away.
  const at::Tensor shifted = misfit + p_ / sigma;
  const at::Tensor length = per_item(at::sqrt(squared_norms(shifted)), y_);
  p_.lerp_(sigma * (1 - radius_ / length.clamp_min(1e-30)).clamp_min(0) * shifted, relaxation);
}

std::vector<double> DataDual::weights(const at::Tensor& residual_squares) const {
  if (weight_) return std::vector<double>(static_cast<std::size_t>(y_.size(0)), *weight_);
  return host_values(norm_ * at::sqrt(residual_squares / squared_norms(p_)));
}

PrimalDualSteps primal_dual_steps(const at::Tensor& x, const at::Tensor& y, double penalty_norm) {
  constexpr double kPenaltyRatio = 25, kDataRatio = 250;
  const at::Tensor power = squared_norms(x) / static_cast<double>(x[0].numel());
  const at::Tensor unit = at::where(power > 0, power, at::ones_like(power));
  const at::Tensor tau = at::sqrt(unit / (1.01 * (penalty_norm * kPenaltyRatio + kDataRatio)));
  return {.tau = per_item(tau, x),
          .penalty = per_item(kPenaltyRatio * tau / unit, x),
          .data = per_item(kDataRatio * tau / unit, y)};
}

at::Tensor run_primal_dual(SolverContext& context, const Settling& settling, const DataDual& data,
                           const std::function<void()>& advance, const std::function<at::Tensor()>& image) {
  const auto batch = static_cast<std::size_t>(context.batch());
  std::vector<bool> done(batch, false);
  std::vector<double> weights(batch, 0);
  at::Tensor result = image(), last = image();
  for (std::int64_t i = 1; i <= settling.max_iterations; ++i) {
    advance();
    // The residual costs an operator call that the iteration does not need: look rarely.
    if (i % kCheckEvery != 0 && i != settling.max_iterations) continue;
    const at::Tensor x = image();
    const at::Tensor residual_squares = squared_norms(context.residual(x));
    const std::vector<double> change =
        host_values(at::sqrt(squared_norms(x - last) / squared_norms(x).clamp_min(1e-300)));
    const std::vector<double> chi2 = context.chi2(residual_squares), found = data.weights(residual_squares);
    result = result.clone();
    for (std::size_t entry = 0; entry < batch; ++entry) {
      if (done[entry]) continue;  // an entry that is done keeps its image, whatever its batch still does
      const auto index = static_cast<std::int64_t>(entry);
      result[index].copy_(x[index]);
      weights[entry] = found[entry];
      // An image that hardly changes may still be on its way into the ball of the data.
      const bool fits = settling.weight.has_value() || std::isnan(chi2[entry]) || chi2[entry] < 1 + kConstraintSlack;
      done[entry] = fits && change[entry] < settling.tolerance;
    }
    last = x;
    const bool all_done = std::all_of(done.begin(), done.end(), [](bool flag) { return flag; });
    const std::int64_t total = all_done ? i : settling.max_iterations;
    at::Tensor iterate = result;
    if (!context.end_step({.done = i, .total = total, .residual_squares = residual_squares}, iterate, result) ||
        all_done) {
      break;
    }
  }
  for (std::size_t entry = 0; entry < batch; ++entry) {
    if (done[entry]) context.mark_converged(static_cast<std::int64_t>(entry));
  }
  context.report().weight = weights;
  return result;
}

}  // namespace recon
