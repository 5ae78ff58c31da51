#include "recon/pipeline/solve/uncertainty.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>

#include "operators/algebra.h"
#include "recon/pipeline/items/held_out.h"

namespace recon {

std::optional<RangeNullSplit> split_by_data(const at::Tensor& x, const PreparedItem& item) {
  OperatorPtr op = item.op;
  if (item.noise.weights.defined()) op = whitened(op, item.noise.weights);
  const auto linear = std::dynamic_pointer_cast<const LinearOperator>(op);
  if (linear == nullptr) return std::nullopt;
  const at::Tensor image = x.to(item.y.device());
  const at::Tensor z = image - image.mean();
  const double energy = squared_norms(z).item<double>();
  RangeNullSplit split{.prior_part = at::zeros_like(z)[0].cpu(), .prior_fraction = 0};
  if (!(energy > 0)) return split;
  constexpr IterativeSolve rough{.tolerance = 1e-4, .max_iterations = 100};  // a picture and two digits
  const double variance = energy / static_cast<double>(z.numel());
  const at::Tensor measured =
      item.noise.std > 0
          ? linear->solve_shifted(linear->normal(z),
                                  at::full({1}, item.noise.std * item.noise.std / variance, at::kDouble), rough)
          : linear->pseudo_inverse(linear->apply(z), rough);
  const at::Tensor prior_part = z - measured;
  split.prior_part = prior_part[0].cpu();
  split.prior_fraction = squared_norms(prior_part).item<double>() / energy;
  return split;
}

Uncertainty assess_uncertainty(const at::Tensor& x, const Fit& fit, const at::Tensor& samples, const SamplePairs& pairs,
                               const PreparedItem& item) {
  constexpr std::int64_t enough_for_tails = 20;  // below, the 5 % quantile lies outside of the samples
  Uncertainty uncertainty{.split = split_by_data(x, item),
                          .chi2_map = fit.chi2_map,
                          .quantiles = {},
                          .calibration = {},
                          .guarantee = {},
                          .held_out = {}};
  if (samples.size(0) >= enough_for_tails && !samples.is_complex()) {
    uncertainty.quantiles = at::quantile(samples, at::tensor({0.05, 0.95}, samples.options()), 0);
  }
  uncertainty.calibration = calibration_of(samples, pairs, item);
  return uncertainty;
}

void to_one_field(at::Tensor& images, at::Tensor& truth) {
  if (images.is_complex() == truth.is_complex()) return;
  images = images.abs();
  truth = truth.abs();
}

std::optional<PredictiveScore> held_out_score(const at::Tensor& samples, const SamplePairs& pairs,
                                              const PreparedItem& item) {
  if (item.held_out == nullptr || !item.held_out->variance.defined()) return std::nullopt;
  const HeldOut& held = *item.held_out;
  const at::Tensor predicted = held.op->apply(samples.to(held.y.device()));
  const at::Tensor support = held.op->support();
  return predictive_score(held.y[0], held.variance.dim() > 1 ? held.variance[0] : held.variance, predicted, pairs,
                          support.defined() ? support != 0 : at::Tensor());
}

at::Tensor block_average(const at::Tensor& map, std::int64_t side) {
  const at::Tensor all = map.sum(0, true);
  // Blocks that stick out count the pixels that they have.
  const at::Tensor blocks = at::avg_pool2d(all, {side, side}, {side, side}, {0, 0}, /*ceil_mode=*/true);
  return blocks.repeat_interleave(side, -2)
      .repeat_interleave(side, -1)
      .narrow(-2, 0, map.size(-2))
      .narrow(-1, 0, map.size(-1))
      .contiguous();
}

std::optional<Calibration> calibration_of(const at::Tensor& samples, const SamplePairs& pairs,
                                          const PreparedItem& item) {
  if (samples.size(0) < 2 || !item.ground_truth.defined()) return std::nullopt;
  at::Tensor truth = in_window(item.ground_truth[0].cpu(), *item.op), shown = in_window(samples, *item.op);
  to_one_field(shown, truth);
  return calibrate(shown, truth, pairs);
}

}  // namespace recon
