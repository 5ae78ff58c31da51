#include "recon/metrics/calibration.h"

#include <ATen/ATen.h>

#include <numbers>

#include "recon/core/error.h"

namespace recon {
namespace {

/// Real, in double precision: [S, pixels].
at::Tensor flattened(const at::Tensor& values, std::int64_t count) {
  const at::Tensor real = values.is_complex() ? at::view_as_real(values.cpu().to(at::kComplexDouble).resolve_conj())
                                              : values.cpu().to(at::kDouble);
  return real.reshape({count, -1});
}

/// Half of the mean |x_i - x_j| of independent samples x [S, pixels], over all pixels.
double half_distance(const at::Tensor& x, const SamplePairs& pairs) {
  const auto n = static_cast<double>(x.size(0)), paired = 2 * static_cast<double>(pairs.pairs());
  const at::Tensor within =
      (x.index_select(0, at::tensor(pairs.first())) - x.index_select(0, at::tensor(pairs.second()))).abs().sum(0);
  // A pair alone, taken for mirror images: two independent normal draws are nearer by sqrt(2).
  if (x.size(0) == 2 && paired > 0) return within.mean().item<double>() / (2 * std::numbers::sqrt2);
  // Sum over two by two of |x_i - x_j| = sum_i (2 i - S + 1) x_(i), i = 0, ..., S - 1 in sorted order.
  const at::Tensor weights = 2 * at::arange(x.size(0), at::kDouble) - (n - 1);
  const at::Tensor all = (weights.unsqueeze(1) * std::get<0>(x.sort(0))).sum(0);
  return ((all - within) / (n * (n - 1) - paired)).mean().item<double>();
}

/// [S + 1]: of the samples `which` of x [S, pixels].
at::Tensor shares_of_ranks(const at::Tensor& x, const at::Tensor& truth, const std::vector<std::int64_t>& which) {
  const at::Tensor chosen = x.index_select(0, at::tensor(which));
  const at::Tensor below = (chosen < truth).sum(0) + at::floor_divide((chosen == truth).sum(0), 2);
  return at::bincount(below, {}, chosen.size(0) + 1).to(at::kDouble) / static_cast<double>(truth.numel());
}

double share(const at::Tensor& flags) { return flags.to(at::kDouble).mean().item<double>(); }

}  // namespace

Calibration calibrate(const at::Tensor& samples, const at::Tensor& truth, const SamplePairs& pairs) {
  if (!samples.defined() || !truth.defined() || samples.dim() != truth.dim() + 1 || samples.size(0) < 2 ||
      samples.sizes().slice(1) != truth.sizes() || samples.is_complex() != truth.is_complex()) {
    throw internal_error("calibrate", "expected at least two samples of the shape and scalar kind of the truth");
  }
  const std::int64_t count = samples.size(0);
  const at::Tensor x = flattened(samples, count), t = flattened(truth, 1)[0];
  const SampleSpread spread = spread_of(x, pairs);
  Calibration result{.independent = pairs.count() - pairs.pairs(),
                     .nominal = {0.5, 0.8, 0.9, 0.95},
                     .covered = {},
                     .crps = (x - t).abs().mean().item<double>() - half_distance(x, pairs),
                     .ranks = {}};
  const at::Tensor distance = (t - spread.mean).abs();
  for (const double level : result.nominal) {
    result.covered.push_back(share(distance <= spread.half_width(level) * spread.std));
  }
  at::Tensor ranks = shares_of_ranks(x, t, pairs.independent());
  // Either one of each pair: both say the same, in the mean.
  if (pairs.pairs() > 0) ranks = (ranks + shares_of_ranks(x, t, pairs.independent(true))) / 2;
  result.ranks.assign(ranks.const_data_ptr<double>(), ranks.const_data_ptr<double>() + ranks.numel());
  return result;
}

std::vector<CalibrationPoint> calibration_curve(const Calibration& calibration) {
  const std::int64_t count = calibration.independent;
  std::vector<CalibrationPoint> points = {{0, 0}};
  for (std::int64_t j = count / 2; j >= 1; --j) {
    CalibrationPoint point{.nominal = static_cast<double>(count + 1 - 2 * j) / static_cast<double>(count + 1)};
    for (std::int64_t rank = j; rank <= count - j; ++rank)
      point.covered += calibration.ranks[static_cast<std::size_t>(rank)];
    points.push_back(point);
  }
  points.push_back({1, 1});
  return points;
}

}  // namespace recon
