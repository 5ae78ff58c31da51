#include "operators/expected_counts.h"

#include <ATen/ATen.h>

namespace recon {
namespace {

constexpr double enough_alone = 20;  ///< a count that may stand for its own expectation: 22 % off
constexpr double enough_counts = 4;

/// Sums over windows of `side` entries, zeros beyond the border.
at::Tensor window_sums(const at::Tensor& planes, std::int64_t side) {
  const std::int64_t margin = side / 2;
  return at::avg_pool2d(planes, {side, side}, {1, 1}, {margin, margin}, false, true, side * side) *
         static_cast<double>(side * side);
}

}  // namespace

at::Tensor expected_counts(const at::Tensor& counts, const at::Tensor& support) {
  at::Tensor there = at::ones_like(counts);
  if (support.defined()) there = there * support.to(counts.options());
  const at::Tensor known = counts * there;
  if (counts.dim() < 3) return known;
  const std::int64_t h = counts.size(-2), w = counts.size(-1);
  const at::Tensor sums = known.reshape({-1, 1, h, w}), weights = there.reshape({-1, 1, h, w});
  at::Tensor expected = sums, settled = sums >= enough_alone;
  for (const std::int64_t side : {3, 5, 9}) {
    const at::Tensor total = window_sums(sums, side), mean = total / window_sums(weights, side).clamp_min(1e-30);
    expected = at::where(settled, expected, mean);
    // Sums by averages round: four counts may come out as 3.9999.
    settled = settled.logical_or(total >= enough_counts - 1e-3);
  }
  return (expected * weights).view(counts.sizes()).clamp_min(0);
}

}  // namespace recon
