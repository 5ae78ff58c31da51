#include "recon/metrics/expected_coverage.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "recon/core/tensor_spec.h"
#include "recon/metrics/risk_control.h"

namespace recon {
namespace {

constexpr std::int64_t draws = 200;

/// P(the share's step lies below `level`): the rank S f of the truth among S + 1 places, spread over its place.
double share_below(double share, std::int64_t samples, double level) {
  const auto places = static_cast<double>(samples + 1);
  return std::clamp(level * places - share * static_cast<double>(samples), 0.0, 1.0);
}

double mean_below(const std::vector<double>& shares, std::int64_t samples, double level) {
  double sum = 0;
  for (const double share : shares) sum += share_below(share, samples, level);
  return sum / static_cast<double>(shares.size());
}

}  // namespace

double share_nearer(const at::Tensor& samples, const at::Tensor& truth, const at::Tensor& reference) {
  const at::Tensor far = squared_norms(samples - reference.unsqueeze(0)).to(at::kDouble);
  const double limit = squared_norms((truth - reference).unsqueeze(0)).item<double>();
  return ((far < limit).to(at::kDouble) + 0.5 * (far == limit).to(at::kDouble)).mean().item<double>();
}

ExpectedCoverage expected_coverage(const std::vector<double>& shares, std::int64_t samples, std::uint64_t seed) {
  if (shares.size() < 2) throw internal_error("expected_coverage", "expected 2 images, got {}", shares.size());
  ExpectedCoverage curve;
  const auto n = static_cast<std::int64_t>(shares.size());
  const at::Tensor chosen = Rng(seed, "bootstrap")
                                .uniform({{0, 0}}, 0, {{draws, n}, ScalarKind::real})[0]
                                .mul(static_cast<double>(n))
                                .to(at::kLong)
                                .clamp_max(n - 1);
  const auto chosen_at = chosen.accessor<std::int64_t, 2>();
  for (int tenth = 1; tenth <= 9; ++tenth) {
    const double level = tenth / 10.0, covered = mean_below(shares, samples, level);
    std::vector<double> redrawn;
    for (std::int64_t draw = 0; draw < draws; ++draw) {
      std::vector<double> again;
      for (std::int64_t i = 0; i < n; ++i) again.push_back(shares[static_cast<std::size_t>(chosen_at[draw][i])]);
      redrawn.push_back(mean_below(again, samples, level));
    }
    curve.nominal.push_back(level);
    curve.covered.push_back(covered);
    curve.low.push_back(quantile_of(redrawn, 0.05));
    curve.high.push_back(quantile_of(redrawn, 0.95));
    const double error = std::sqrt(level * (1 - level) / static_cast<double>(n));
    curve.worst = std::max(curve.worst, std::abs(covered - level) / error);
  }
  return curve;
}

}  // namespace recon
