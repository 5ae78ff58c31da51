#include "recon/metrics/sample_spread.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "recon/core/error.h"
#include "recon/metrics/student.h"

namespace recon {
namespace {

/// Var of s² = x^T L x / (2 M), L the Laplacian of the graph whose M edges join samples that are no pair, for x of
/// covariance I + correlation P: degrees 2 E² / Var = (2 M)² / tr((L (I + correlation P))²).
double degrees_of(const SamplePairs& pairs, double correlation) {
  const std::int64_t n = pairs.count();
  const auto paired = [&](const std::vector<std::int64_t>& a, const std::vector<std::int64_t>& b) {
    return at::tensor(a) * n + at::tensor(b);
  };
  at::Tensor partners = at::zeros({n, n}, at::kDouble);
  if (pairs.pairs() > 0) {
    partners.view(-1).index_fill_(0, paired(pairs.first(), pairs.second()), 1);
    partners = partners + partners.t();
  }
  const at::Tensor edges = at::ones({n, n}, at::kDouble) - at::eye(n, at::kDouble) - partners;
  const at::Tensor laplacian = at::diag(edges.sum(0)) - edges;
  const at::Tensor product = laplacian.mm(at::eye(n, at::kDouble) + correlation * partners);
  const double twice_edges = edges.sum().item<double>();
  return twice_edges * twice_edges / (product * product.t()).sum().item<double>();
}

}  // namespace

SamplePairs::SamplePairs(std::int64_t count)
    : SamplePairs(std::vector<std::int64_t>(static_cast<std::size_t>(count), -1)) {}

SamplePairs::SamplePairs(std::vector<std::int64_t> partner) : partner_(std::move(partner)) {
  for (std::int64_t i = 0; i < count(); ++i) {
    const std::int64_t other = partner_[static_cast<std::size_t>(i)];
    if (other < 0) continue;
    if (other >= count() || other == i || partner_[static_cast<std::size_t>(other)] != i) {
      throw internal_error("SamplePairs", "expected partners of each other, got {} for {}", other, i);
    }
    if (i > other) continue;
    first_.push_back(i);
    second_.push_back(other);
  }
}

std::vector<std::int64_t> SamplePairs::independent(bool second_of_pairs) const {
  const std::vector<std::int64_t>& left_out = second_of_pairs ? first_ : second_;
  std::vector<std::int64_t> kept;
  for (std::int64_t i = 0; i < count(); ++i) {
    if (std::find(left_out.begin(), left_out.end(), i) == left_out.end()) kept.push_back(i);
  }
  return kept;
}

double SampleSpread::half_width(double level) const {
  return student_quantile(level, degrees) * std::sqrt(1 + mean_variance);
}

SampleSpread spread_of(const at::Tensor& samples, const SamplePairs& pairs) {
  const std::int64_t count = samples.size(0), paired = 2 * pairs.pairs();
  if (pairs.count() != count) {
    throw internal_error("spread_of", "expected pairs of {} samples, got those of {}", count, pairs.count());
  }
  const auto n = static_cast<double>(count);
  SampleSpread spread;
  spread.mean = samples.mean(0);
  at::Tensor squares = (samples - spread.mean).abs().square().sum(0);
  if (paired == 0) {
    spread.std = squares.div(n - 1).sqrt();
    spread.mean_variance = 1 / n;
    spread.degrees = n - 1;
    return spread;
  }
  const auto those = [&](const std::vector<std::int64_t>& which) {
    return samples.index_select(0, at::tensor(which).to(samples.device()));
  };
  const at::Tensor within = (those(pairs.first()) - those(pairs.second())).abs().square().sum(0);
  if (count == 2) {  // a pair alone, taken for exact mirror images: the mean is known, either distance is the spread
    spread.std = within.div(4).sqrt();
    spread.correlation = -1;
    spread.degrees = 1;
    return spread;
  }
  // The squares of all differences two by two are n times `squares`; those of the pairs are taken out of them.
  const at::Tensor variance = (squares - within / n).div(n - 1 - static_cast<double>(paired) / n).clamp_min(0);
  spread.std = variance.sqrt();
  const double all = variance.mean().item<double>();
  const double of_pairs = within.mean().item<double>() / static_cast<double>(paired);  // variance (1 - correlation)
  spread.correlation = all > 0 ? std::clamp(1 - of_pairs / all, -1.0, 1.0) : 0;
  spread.mean_variance = (1 + spread.correlation * static_cast<double>(paired) / n) / n;
  spread.degrees = degrees_of(pairs, spread.correlation);
  return spread;
}

}  // namespace recon
