#include "recon/solvers/posterior/start.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "recon/core/error.h"
#include "recon/solvers/classical/alternating_projections.h"
#include "recon/solvers/posterior/data_step.h"

namespace recon {
namespace {

constexpr double kHidden = 8, kKept = 0.3;

at::Tensor from_magnitudes(SolverContext& context) {
  AlternatingProjections search;
  search.restarts = 1;  // samples are restarts
  search.low = context.prior().domain().low;
  search.high = context.prior().domain().high;
  return context.operate(
      [&] { return search.solve(context.problem(), nullptr, {.seed = context.seed(), .observer = {}}).x; });
}

at::Tensor from_data(SolverContext& context, double r) {
  if (const auto op = std::dynamic_pointer_cast<const LinearOperator>(context.problem().op)) {
    return tikhonov_image(context, *op, r);
  }
  if (context.op().magnitude()) return from_magnitudes(context);
  throw usage_error("start: data",
                    "needs a linear operator or fourier_magnitude, got '{}', which has no image of its own; use "
                    "start: noise",
                    context.op().name());
}

}  // namespace

void Start::visit(ParameterVisitor& v) {
  v.choice("start", from, "what to start from; data: the image that they alone give, with noise");
  v.field("start_relative_sigma", relative_sigma,
          "noise level to start from; default: the prior's highest; start data: where noise hides that image's error",
          {.min = 0, .open_min = true});
}

double Start::level(const SolverContext& context) const {
  const Prior& prior = context.prior();
  const double noisiest = prior.max_relative_sigma();
  if (relative_sigma) return std::min(*relative_sigma, noisiest);
  if (from == From::noise) return noisiest;
  const double half_range = (prior.domain().high - prior.domain().low) / 2;
  if (context.op().magnitude()) return std::min(kKept * half_range, noisiest);
  const double stated = prior.denoising_mse(noisiest);
  return std::min(kHidden * (stated > 0 ? std::sqrt(stated) : half_range), noisiest);
}

at::Tensor Start::image(SolverContext& context, const NoiseLevel& level, const at::Tensor& z) const {
  if (from == From::noise) {
    context.prior().require_start_from_noise();
    return level.sigma * z;
  }
  return level.alpha * from_data(context, level.relative_sigma()) + level.sigma * z;
}

}  // namespace recon
