#include "recon/solvers/posterior/inner_solves.h"

#include <ATen/ATen.h>

#include <vector>

#include "operators/inverse_filter.h"
#include "recon/solvers/posterior/data_conditional.h"
#include "recon/solvers/posterior/data_step.h"
#include "recon/solvers/posterior/data_weight.h"
#include "recon/solvers/posterior/jacobian.h"
#include "recon/solvers/posterior/mean_gain.h"

namespace recon {
namespace {

/// ||step B p|| / ||q|| beyond which B is no covariance along p: where J is far from symmetric, <p, B p> may be next to
/// nothing while B p is not, and a step would throw the image away. Sound first steps move up to 10 times what is left.
constexpr double kMostOvershoot = 16;
/// ||V g||² / (r² <g, V g>), g = A^H p, beyond which V is no covariance of x_0 given x_t: no eigenvalue of one is far
/// above r², not even among clouds so far apart that r can just confuse them. A sound ratio is about 1; where J is far
/// from symmetric it is in the hundreds, and a step fills what is not measured with anything.
constexpr double kLargestCovariance = 8;
constexpr double kSolved = 1e-10;  // ||q||² / ||r||² at which single precision has no more to say

/// a / b where b > 0, otherwise 0: an entry that has stopped takes no further step.
at::Tensor ratio_or_zero(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor valid = b > 0;
  return at::where(valid, a / at::where(valid, b, at::ones_like(b)), at::zeros_like(a));
}

/// A direction of the search with what the network says about it.
struct Searched {
  at::Tensor data;        ///< p
  at::Tensor covariance;  ///< V A^H p
  at::Tensor product;     ///< B p
  at::Tensor energy;      ///< `[batch]` <p, B p>; 0 where it is not taken
};

/// Makes `next` conjugate to `before` in the symmetric part of B.
void conjugate(Searched& next, const Searched& before) {
  const at::Tensor mixed = 0.5 * (real_inner(before.data, next.product) + real_inner(next.data, before.product));
  const at::Tensor overlap = ratio_or_zero(mixed, before.energy), in_data = per_item(overlap, next.data);
  next.data = next.data - in_data * before.data;
  next.product = next.product - in_data * before.product;
  next.covariance = next.covariance - per_item(overlap, next.covariance) * before.covariance;
}

}  // namespace

InnerSolves::InnerSolves(SolverContext& context, std::int64_t solves)
    : context_(context),
      solves_(solves),
      linear_(std::dynamic_pointer_cast<const LinearOperator>(context.problem().op)),
      noise_(noise_variances(context)) {
  const auto whole = [](double, double) { return 1.0; };
  if (inverse_filter_of(context.op(), whole)) filtered_gain_ = MeanGain(context).at_image({}, 0);
}

InnerSolves::Direction InnerSolves::preconditioned(const at::Tensor& q, const at::Tensor& x0, double c) {
  if (filtered_gain_.defined() || linear_ == nullptr) {
    const at::Tensor p = filtered_gain_.defined() ? weighted_residual(context_, q, c, filtered_gain_) : q;
    return {.data = p, .image = context_.vjp(x0, p)};
  }
  Direction p;
  p.data = context_.operate([&] {
    p.image = linear_->solve_shifted(linear_->adjoint(q), noise_ / c, kDataStepAccuracy) / c;
    return (q - c * linear_->apply(p.image)) / per_item(noise_, q);
  });
  return p;
}

InnerSolves::Conditioned InnerSolves::at_level(const Linearized& denoised, const NoiseLevel& level) {
  const double tweedie = level.sigma * level.sigma / level.alpha;
  const double r2 = level.relative_sigma() * level.relative_sigma();
  const double c = denoiser_variance(context_.prior(), level.relative_sigma());
  at::Tensor q = context_.residual(denoised.x0);
  const at::Tensor at_start = squared_norms(q);
  Conditioned result{.shift = at::zeros_like(denoised.x0), .residual_squares = at_start};
  at::Tensor active = at_start > 0;
  std::vector<Searched> searched;
  for (std::int64_t k = 0; k < solves_; ++k) {
    const Direction p = preconditioned(q, denoised.x0, c);
    Searched next{.data = p.data, .covariance = tweedie * denoised.pullback(p.image), .product = {}, .energy = {}};
    next.product = per_item(noise_, p.data) * p.data + jacobian_product(context_, denoised.x0, next.covariance);
    for (const Searched& before : searched) conjugate(next, before);
    const at::Tensor energy = real_inner(next.data, next.product);
    const at::Tensor along = energy - noise_ * squared_norms(next.data);  // <g, V g>
    active = active.logical_and(along > 0);
    active = active.logical_and(squared_norms(next.covariance) <= kLargestCovariance * r2 * along);
    const at::Tensor whole_step =
        ratio_or_zero(real_inner(next.data, q), at::where(active, energy, at::zeros_like(energy)));
    active = active.logical_and(whole_step.square() * squared_norms(next.product) <=
                                kMostOvershoot * kMostOvershoot * squared_norms(q));
    next.energy = at::where(active, energy, at::zeros_like(energy));
    const at::Tensor step = at::where(active, whole_step, at::zeros_like(whole_step));
    result.shift = result.shift + per_item(step, next.covariance) * next.covariance;
    q = q - per_item(step, q) * next.product;
    active = active.logical_and(squared_norms(q) > kSolved * at_start);
    searched.push_back(std::move(next));
  }
  return result;
}

}  // namespace recon
