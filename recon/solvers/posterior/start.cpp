#include "recon/solvers/posterior/start.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "recon/core/error.h"
#include "recon/solvers/classical/alternating_projections.h"
#include "recon/solvers/posterior/data_step.h"

namespace recon {
namespace {

constexpr double kHidden = 8, kChanged = 4;

at::Tensor from_data(SolverContext& context, double r) {
  if (const auto op = std::dynamic_pointer_cast<const LinearOperator>(context.problem().op)) {
    return tikhonov_image(context, *op, r);
  }
  if (context.op().magnitude()) return image_of_magnitudes(context);
  throw usage_error("start: data",
                    "needs a linear operator or fourier_magnitude, got '{}', which has no image of its own; use "
                    "start: noise",
                    context.op().name());
}

/// Where the item before ended; undefined for the first of a series.
const at::Tensor& previous_image(const SolverContext& context) {
  const auto& previous = context.problem().previous;
  if (previous) return *previous;
  throw usage_error("start: previous",
                    "needs items that belong together: set `series`, how many in a row do, in the config of a run or a "
                    "batch");
}

/// The standard deviation of what has changed since, as the data see it: the largest of the batch. How much the
/// operator leaves of a change is taken from one that is like those of films, the image moved by a pixel.
double change_since(SolverContext& context, const at::Tensor& previous) {
  const auto mean_square = [](const at::Tensor& x, std::int64_t count) {
    return squared_norms(x).to(at::kCPU, at::kDouble) / static_cast<double>(count);
  };
  const at::Tensor moved = at::roll(previous, {1}, {-1}), misfit = context.residual(previous);
  const std::int64_t measured = context.op().measured_components();
  const at::Tensor noise = at::tensor(context.problem().noise_std, at::kDouble).square();
  const at::Tensor left = mean_square(context.residual(moved) - misfit, measured);
  const at::Tensor gain = left / mean_square(moved - previous, moved[0].numel());
  const double change = (at::maximum(mean_square(misfit, measured), noise) / gain).max().sqrt().item<double>();
  return std::isnan(change) ? INFINITY : change;  // a flat image says nothing
}

}  // namespace

at::Tensor image_of_magnitudes(SolverContext& context) {
  AlternatingProjections search;
  search.restarts = 1;  // samples are restarts
  search.low = context.prior().domain().low;
  search.high = context.prior().domain().high;
  return context.operate(
      [&] { return search.solve(context.problem(), nullptr, {.seed = context.seed(), .observer = {}}).x; });
}

void Start::visit(ParameterVisitor& v) {
  v.choice("start", from, "auto",
           "what to start from; data: the image that they alone give, with noise; previous: that of the item before it "
           "in a series; auto: data for dps with inner solves and a linear operator, else noise");
  v.field("start_relative_sigma", relative_sigma,
          "noise level to start from; default: the prior's highest; from an image: where noise hides its error",
          {.min = 0, .open_min = true});
}

double Start::level(SolverContext& context) const {
  const Prior& prior = context.prior();
  const double noisiest = prior.max_relative_sigma();
  const at::Tensor before = from == From::previous ? previous_image(context) : at::Tensor();
  if (from == From::previous && !before.defined()) return noisiest;
  if (relative_sigma) return std::min(*relative_sigma, noisiest);
  if (!from || from == From::noise) return noisiest;
  if (before.defined()) return std::min(kChanged * change_since(context, before), noisiest);
  const double half_range = (prior.domain().high - prior.domain().low) / 2;
  if (context.op().magnitude()) return std::min(kMagnitudesKept * half_range, noisiest);
  const double stated = prior.denoising_mse(noisiest);
  return std::min(kHidden * (stated > 0 ? std::sqrt(stated) : half_range), noisiest);
}

at::Tensor Start::image(SolverContext& context, const NoiseLevel& level, const at::Tensor& z) const {
  const at::Tensor before = from == From::previous ? previous_image(context) : at::Tensor();
  if (before.defined()) return level.alpha * before + level.sigma * z;
  if (from != From::data) {
    context.prior().require_start_from_noise();
    return level.sigma * z;
  }
  return level.alpha * from_data(context, level.relative_sigma()) + level.sigma * z;
}

}  // namespace recon
