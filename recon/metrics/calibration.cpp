#include "recon/metrics/calibration.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "recon/core/error.h"

namespace recon {
namespace {

/// P(|T| <= t).
double student_coverage(double t, std::int64_t degrees) {
  const double theta = std::atan(t / std::sqrt(static_cast<double>(degrees)));
  const double square = std::cos(theta) * std::cos(theta);
  const bool odd = degrees % 2 == 1;
  double term = odd ? std::cos(theta) : 1, sum = degrees == 1 ? 0 : term;
  for (std::int64_t k = odd ? 3 : 2; k < degrees - 1; k += 2) {
    term *= square * static_cast<double>(k - 1) / static_cast<double>(k);
    sum += term;
  }
  return odd ? 2 / std::numbers::pi * (theta + std::sin(theta) * sum) : std::sin(theta) * sum;
}

/// Real, in double precision: [S, pixels].
at::Tensor flattened(const at::Tensor& values, std::int64_t count) {
  const at::Tensor real = values.is_complex() ? at::view_as_real(values.cpu().to(at::kComplexDouble).resolve_conj())
                                              : values.cpu().to(at::kDouble);
  return real.reshape({count, -1});
}

double share(const at::Tensor& flags) { return flags.to(at::kDouble).mean().item<double>(); }

}  // namespace

double student_quantile(double level, std::int64_t degrees) {
  if (!(level > 0 && level < 1) || degrees < 1) {
    throw internal_error("student_quantile", "expected 0 < level < 1 and degrees >= 1, got {} and {}", level, degrees);
  }
  double low = 0, high = 1;
  while (student_coverage(high, degrees) < level) high *= 2;
  for (int i = 0; i < 200 && high - low > 1e-12 * high; ++i) {
    const double middle = (low + high) / 2;
    (student_coverage(middle, degrees) < level ? low : high) = middle;
  }
  return (low + high) / 2;
}

Calibration calibrate(const at::Tensor& samples, const at::Tensor& truth) {
  if (!samples.defined() || !truth.defined() || samples.dim() != truth.dim() + 1 || samples.size(0) < 2 ||
      samples.sizes().slice(1) != truth.sizes() || samples.is_complex() != truth.is_complex()) {
    throw internal_error("calibrate", "expected at least two samples of the shape and scalar kind of the truth");
  }
  const std::int64_t count = samples.size(0);
  const auto n = static_cast<double>(count);
  const at::Tensor x = std::get<0>(flattened(samples, count).sort(0)), t = flattened(truth, 1)[0];
  const at::Tensor mean = x.mean(0), std = ((x - mean).square().sum(0) / (n - 1)).sqrt();
  Calibration result{.samples = count, .nominal = {0.5, 0.8, 0.9, 0.95}, .covered = {}, .crps = 0, .ranks = {}};
  const at::Tensor distance = (t - mean).abs();
  for (const double level : result.nominal) {
    result.covered.push_back(share(distance <= student_quantile(level, count - 1) * std::sqrt(1 + 1 / n) * std));
  }
  // Sum over pairs of |x_i - x_j| = 2 sum_i (2 i - S + 1) x_(i), i = 0, ..., S - 1 in sorted order.
  const at::Tensor weights = 2 * at::arange(count, at::kDouble) - (n - 1);
  const at::Tensor pair_distance = (weights.unsqueeze(1) * x).sum(0) / (n * (n - 1));
  result.crps = ((x - t).abs().mean(0) - pair_distance).mean().item<double>();
  const at::Tensor below = (x < t).sum(0) + at::floor_divide((x == t).sum(0), 2);
  for (std::int64_t rank = 0; rank <= count; ++rank) result.ranks.push_back(share(below == rank));
  return result;
}

std::vector<CalibrationPoint> calibration_curve(const Calibration& calibration) {
  const std::int64_t count = calibration.samples;
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
