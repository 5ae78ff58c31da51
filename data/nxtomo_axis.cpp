#include "data/nxtomo_axis.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace recon {
namespace {

/// How far the angle b - a is from a half turn.
double off_opposite(double a, double b) {
  const double turned = std::fmod(std::fmod(b - a, 360) + 360, 360);
  return std::abs(turned - 180);
}

/// The middle of the steps from one angle to the next.
double usual_step(std::vector<double> angles) {
  std::sort(angles.begin(), angles.end());
  std::vector<double> steps;
  for (std::size_t i = 1; i < angles.size(); ++i) steps.push_back(angles[i] - angles[i - 1]);
  if (steps.empty()) return 0;
  std::nth_element(steps.begin(), steps.begin() + std::ssize(steps) / 2, steps.end());
  return steps[steps.size() / 2];
}

}  // namespace

MirrorFit::MirrorFit(const at::Tensor& sinograms, const at::Tensor& std, const std::vector<double>& angles_deg)
    : values_(sinograms.to(at::kDouble).nan_to_num(0)), seen_(at::isfinite(std).to(at::kDouble)) {
  constexpr double widest = 5;
  constexpr std::size_t most_pairs = 16;
  const double tolerance = std::min(widest, 1.5 * usual_step(angles_deg) + 0.1);
  std::vector<std::pair<double, std::pair<std::int64_t, std::int64_t>>> all;
  for (std::size_t i = 0; i < angles_deg.size(); ++i) {
    for (std::size_t j = i + 1; j < angles_deg.size(); ++j) {
      const double off = off_opposite(angles_deg[i], angles_deg[j]);
      if (off <= tolerance) all.push_back({off, {static_cast<std::int64_t>(i), static_cast<std::int64_t>(j)}});
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  // The nearest to a half turn; those of a whole turn are spread over it.
  std::size_t good = 0;
  while (good < all.size() && all[good].first <= all.front().first + 0.01 + tolerance / 4) ++good;
  const std::size_t step = std::max<std::size_t>(1, good / most_pairs);
  for (std::size_t i = 0; i < good && pairs_.size() < most_pairs; i += step) pairs_.push_back(all[i].second);
}

double MirrorFit::misfit(double offset) const {
  if (pairs_.empty()) return 1;
  const std::int64_t bins = values_.size(2);
  // Bin k of one view is opposite to place (bins - 1) + 2 offset - k of the other.
  const at::Tensor place = static_cast<double>(bins - 1) + 2 * offset - at::arange(bins, at::kDouble);
  const at::Tensor left = place.floor();
  const at::Tensor inside = (left >= 0).logical_and(left < bins - 1).to(at::kDouble);
  const at::Tensor index = left.clamp(0, bins - 2).to(at::kLong), weight = place - left;
  double difference = 0, energy = 0;
  for (const auto& [i, j] : pairs_) {
    const at::Tensor a = values_.select(1, i), other = values_.select(1, j), other_seen = seen_.select(1, j);
    const at::Tensor b = other.index_select(1, index) * (1 - weight) + other.index_select(1, index + 1) * weight;
    const at::Tensor both =
        seen_.select(1, i) * other_seen.index_select(1, index) * other_seen.index_select(1, index + 1) * inside;
    difference += ((a - b).square() * both).sum().item<double>();
    energy += ((a.square() + b.square()) * both).sum().item<double>();
  }
  return energy > 0 ? difference / energy : 1;
}

std::optional<double> MirrorFit::best() const {
  if (pairs_.empty()) return std::nullopt;
  constexpr double fine = 0.25;
  const auto steps = static_cast<std::int64_t>(static_cast<double>(values_.size(2)) / 4 / fine);
  std::vector<double> misfits;
  for (std::int64_t k = -steps; k <= steps; ++k) misfits.push_back(misfit(fine * static_cast<double>(k)));
  const auto least = std::min_element(misfits.begin(), misfits.end());
  std::vector<double> sorted = misfits;
  std::nth_element(sorted.begin(), sorted.begin() + std::ssize(sorted) / 2, sorted.end());
  if (!(*least < 0.5 * sorted[sorted.size() / 2])) return std::nullopt;
  const auto at = least - misfits.begin();
  double shift = 0;  // the bottom of the parabola through three points
  if (at > 0 && at + 1 < std::ssize(misfits)) {
    const double before = misfits[static_cast<std::size_t>(at - 1)], after = misfits[static_cast<std::size_t>(at + 1)];
    const double bend = before - 2 * *least + after;
    if (bend > 0) shift = 0.5 * (before - after) / bend;
  }
  return fine * (static_cast<double>(at - steps) + shift);
}

}  // namespace recon
