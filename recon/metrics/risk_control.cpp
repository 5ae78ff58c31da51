#include "recon/metrics/risk_control.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "recon/core/error.h"

namespace recon {
namespace {

std::vector<double> growing_factors() {
  std::vector<double> factors;
  for (double factor = 0.05; factor < 500; factor *= 1.02) factors.push_back(factor);
  return factors;
}

/// The factor from which on each pixel is covered, [n] float64.
at::Tensor covering_factors(const at::Tensor& x, const at::Tensor& std, const at::Tensor& truth) {
  if (x.sizes() != truth.sizes() || x.sizes() != std.sizes()) {
    throw internal_error("miss_curve", "expected image, std and truth of one shape");
  }
  const at::Tensor error = (truth.cpu() - x.cpu()).abs().to(at::kDouble).flatten();
  const at::Tensor scale = std.cpu().to(at::kDouble).flatten();
  // 0 / 0, an exact pixel without spread, is covered by every interval.
  return at::where(error == 0, error, error / scale);
}

}  // namespace

const std::vector<double>& interval_factors() {
  static const std::vector<double> all = growing_factors();
  return all;
}

std::vector<double> miss_curve(const at::Tensor& x, const at::Tensor& std, const at::Tensor& truth) {
  const at::Tensor sorted = std::get<0>(covering_factors(x, std, truth).sort());
  const at::Tensor factors = at::tensor(interval_factors(), at::kDouble);
  const at::Tensor covered = at::searchsorted(sorted, factors, false, true).to(at::kDouble);
  const at::Tensor missed = 1 - covered / static_cast<double>(sorted.numel());
  return {missed.const_data_ptr<double>(), missed.const_data_ptr<double>() + missed.numel()};
}

double missed_share(const at::Tensor& x, const at::Tensor& std, const at::Tensor& truth, double factor) {
  return (covering_factors(x, std, truth) > factor).to(at::kDouble).mean().item<double>();
}

bool shown_below(const std::vector<double>& losses, double level, double confidence) {
  const auto n = static_cast<double>(losses.size());
  const double enough = 1 / (1 - confidence);
  double wealth = 1, sum = 0.5, squares = 0.25, variance = 0.25, seen = 0;
  for (const double loss : losses) {
    const double stake = std::min(1.0, std::sqrt(2 * std::log(enough) / (n * variance)));
    wealth *= 1 - stake * (loss - level);
    if (wealth > enough) return true;
    ++seen;
    sum += loss;
    squares += std::pow(loss - sum / (1 + seen), 2);
    variance = squares / (1 + seen);
  }
  return false;
}

std::int64_t fewest_images(double level, double confidence) {
  std::int64_t n = 1;
  while (!shown_below(std::vector<double>(static_cast<std::size_t>(n), 0), level, confidence)) ++n;
  return n;
}

std::optional<ControlledFactor> controlled_factor(const std::vector<std::vector<double>>& curves, double miss,
                                                  double confidence) {
  const std::vector<double>& factors = interval_factors();
  std::optional<ControlledFactor> found;
  std::vector<double> losses(curves.size());
  for (std::size_t i = factors.size(); i-- > 0;) {
    double mean = 0;
    for (std::size_t k = 0; k < curves.size(); ++k) {
      losses[k] = curves[k].at(i);
      mean += losses[k] / static_cast<double>(curves.size());
    }
    // The first that fails ends it: a smaller one that passes by chance has no guarantee.
    if (!shown_below(losses, miss, confidence)) break;
    found = {.factor = factors[i], .mean_miss = mean};
  }
  return found;
}

std::optional<HeldOutCoverage> held_out_coverage(const at::Tensor& misses, double miss) {
  const std::int64_t images = misses.size(0), factors = misses.size(1);
  if (images < 2) return std::nullopt;
  const at::Tensor of_others = (misses.sum(0) - misses) / static_cast<double>(images - 1);
  const at::Tensor place = (of_others > miss).sum(1, /*keepdim=*/true);  // curves fall: so many factors are too small
  if (place.max().item<std::int64_t>() == factors) return std::nullopt;
  const at::Tensor covered = 1 - misses.gather(1, place);
  return HeldOutCoverage{.mean = covered.mean().item<double>(),
                         .standard_error = covered.std().item<double>() / std::sqrt(static_cast<double>(images))};
}

std::optional<double> conformal_margin(std::vector<double> scores, double miss) {
  if (std::any_of(scores.begin(), scores.end(), [](double score) { return std::isnan(score); })) {
    throw internal_error("conformal_margin", "expected numbers, got NaN");
  }
  const auto count = static_cast<double>(scores.size());
  const auto rank = static_cast<std::size_t>(std::ceil((count + 1) * (1 - miss) - 1e-9));
  if (rank < 1 || rank > scores.size()) return std::nullopt;
  std::nth_element(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(rank - 1), scores.end());
  return scores[rank - 1];
}

double quantile_of(std::vector<double> values, double q) {
  if (values.empty()) throw internal_error("quantile_of", "expected values, got none");
  std::sort(values.begin(), values.end());
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 >= values.size()) return values.back();
  const double part = place - static_cast<double>(below);
  return values[below] + (part > 0 ? part * (values[below + 1] - values[below]) : 0);
}

}  // namespace recon
