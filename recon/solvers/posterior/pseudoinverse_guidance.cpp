#include "recon/solvers/posterior/pseudoinverse_guidance.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "recon/core/per_entry.h"
#include "recon/solvers/posterior/data_step.h"

namespace recon {
namespace {

constexpr double kMetExactly = 1e-30;  // data met exactly: w is 0 then

}  // namespace

at::Tensor ErrorVariance::at_level(const NoiseLevel& level) const {
  const double r2 = level.relative_sigma() * level.relative_sigma();
  if (added_precision_.defined()) return (added_precision_ + 1 / r2).reciprocal();
  const double mse = prior_.denoising_mse(level.relative_sigma());
  return per_entry(mse > 0 ? std::min(mse, r2) : r2, like_);
}

void ErrorVariance::learn(const at::Tensor& along, const NoiseLevel& level) {
  const double r2 = level.relative_sigma() * level.relative_sigma();
  // A network's Jacobian may be anything: not less than the denoiser's mean error, not more than the noise.
  added_precision_ = along.clamp(least_at(level), r2).reciprocal() - 1 / r2;
}

double ErrorVariance::least_at(const NoiseLevel& level) const {
  const double r2 = level.relative_sigma() * level.relative_sigma();
  return std::min(std::max(prior_.denoising_mse(level.relative_sigma()), 1e-6 * r2), r2);
}

PseudoinverseGuidance ErrorVariance::with_covariance(PseudoinverseGuidance g, const NoiseLevel& level) const {
  const at::Tensor c = at_level(level);
  const double r2 = level.relative_sigma() * level.relative_sigma();
  const at::Tensor none = squared_norms(g.shift) > r2 * real_inner(g.w, g.shift);
  const at::Tensor replaced = none.logical_and(g.along < least_at(level));
  g.shift = at::where(per_item(replaced, g.w) > 0.5, per_item(c, g.w) * g.w, g.shift);
  g.along = at::where(replaced, c, g.along);
  return g;
}

PseudoinverseGuidance pseudoinverse_guidance(SolverContext& context, const LinearOperator& op, const at::Tensor& x_t,
                                             const NoiseLevel& level, const at::Tensor& c, const at::Tensor& noise) {
  const Linearized denoised = context.linearize(x_t, level);
  PseudoinverseGuidance g;
  g.x0 = denoised.x0;
  const at::Tensor r = context.residual(denoised.x0);
  g.residual_squares = squared_norms(r);
  // A^H S^-1 = (A^H A + noise / c)^-1 A^H / c; r^H S^-1 r is the least of ||r - A e||² / noise + ||e||² / c, at that e.
  const at::Tensor e = context.operate([&] { return op.solve_shifted(op.adjoint(r), noise / c, kDataStepAccuracy); });
  const at::Tensor response = context.operate([&] { return op.apply(e); });
  const at::Tensor size = squared_norms(e);
  g.energy = squared_norms(r - response) / noise + size / c;
  g.per_response = size / squared_norms(response).clamp_min(kMetExactly);
  g.w = e / per_item(c, e);
  g.shift = level.sigma * level.sigma / level.alpha * denoised.pullback(g.w);
  g.along = real_inner(g.w, g.shift) / squared_norms(g.w).clamp_min(kMetExactly);
  return g;
}

}  // namespace recon
