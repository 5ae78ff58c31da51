#include "recon/metrics/noise_level.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "recon/core/all_finite.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

constexpr std::int64_t fewest = 100;
constexpr double overlap = 4;  ///< blocks that share a pixel: so many times fewer are independent, at worst

/// Where |Z| of a standard normal Z lies below `z` with probability `share`; the relative standard error of a std that
/// is found from n independent draws at this quantile is `error` / sqrt(n) = sqrt(p (1 - p)) / (2 phi(z) z sqrt(n)).
struct Quantile {
  double share, z, error;
};
constexpr Quantile quantiles[] = {
    {0.5, 0.674490, 1.166}, {0.75, 1.150349, 0.914}, {0.9, 1.644854, 0.884}, {0.97, 2.170090, 1.038}};

double middle_of(const at::Tensor& values) { return values.median().item<double>(); }

/// The four corners of all 2 x 2 blocks, combined.
template <class Combine>
at::Tensor of_blocks(const at::Tensor& y, const Combine& combine) {
  const std::int64_t h = y.size(1) - 1, w = y.size(2) - 1;
  const auto corner = [&](std::int64_t i, std::int64_t j) { return y.narrow(1, i, h).narrow(2, j, w); };
  return combine(corner(0, 0), corner(0, 1), corner(1, 0), corner(1, 1));
}

std::optional<NoiseLevelEstimate> from_differences(const at::Tensor& y, const at::Tensor& measured) {
  using T = const at::Tensor&;
  const at::Tensor complete = of_blocks(measured, [](T a, T b, T c, T d) { return (a & b) & (c & d); });
  const at::Tensor differences = of_blocks(y, [](T a, T b, T c, T d) { return ((a - b) - (c - d)) / 2; });
  const at::Tensor lengths = std::get<0>(differences.masked_select(complete).abs().sort());
  const std::int64_t count = lengths.numel();
  if (count < fewest) return std::nullopt;
  for (const auto& [share, z, error] : quantiles) {
    const auto rank = std::min(count - 1, static_cast<std::int64_t>(share * static_cast<double>(count)));
    const double length = lengths[rank].item<double>();
    if (!(length > 0)) continue;
    return NoiseLevelEstimate{.std = length / z,
                              .count = count,
                              .relative_error = error * std::sqrt(overlap / static_cast<double>(count)),
                              .left_out = 0,
                              .method = share > 0.5 ? fmt::format("{:.0f} % quantile of the diagonal differences of "
                                                                  "neighbouring pixels, most of which are equal",
                                                                  100 * share)
                                                    : "median absolute diagonal difference of neighbouring pixels"};
  }
  return std::nullopt;
}

std::optional<NoiseLevelEstimate> from_high_frequencies(const at::Tensor& y, const at::Tensor& measured) {
  const auto offset = [](std::int64_t n) { return (at::arange(n, at::kDouble) - static_cast<double>(n / 2)) / n; };
  const at::Tensor radius2 = offset(y.size(1)).square().unsqueeze(1) + offset(y.size(2)).square();
  const at::Tensor outwards = radius2.flatten().argsort(0, /*descending=*/true);
  const at::Tensor so_far = measured.sum(0).flatten().index_select(0, outwards).cumsum(0);
  const std::int64_t tenth = so_far[-1].item<std::int64_t>() / 10;
  if (tenth < fewest) return std::nullopt;
  const std::int64_t enough = (so_far < tenth).sum().item<std::int64_t>() + 1;
  const at::Tensor far = at::zeros({outwards.size(0)}, at::kBool).index_fill_(0, outwards.narrow(0, 0, enough), true);
  const at::Tensor outermost = y.masked_select(measured.logical_and(far.view_as(radius2)));
  const at::Tensor energies = at::view_as_real(outermost).square().sum(-1);
  const double energy = middle_of(energies);
  if (!(energy > 0)) return std::nullopt;
  return NoiseLevelEstimate{.std = std::sqrt(energy / (2 * std::numbers::ln2)),
                            .count = energies.numel(),
                            .relative_error = 0.72 / std::sqrt(static_cast<double>(energies.numel())),
                            .left_out = 0,
                            .method = "median energy of the outermost tenth of the measured frequencies"};
}

/// Entries at a limit that many share: more than at the next value, as the tail of a coarsely quantised image has not.
at::Tensor at_repeated_limits(const at::Tensor& y, const at::Tensor& chosen) {
  at::Tensor repeated = at::zeros_like(chosen);
  const at::Tensor values = y.masked_select(chosen);
  if (values.numel() == 0) return repeated;
  const std::int64_t many = std::max<std::int64_t>(8, values.numel() / 1000);
  const auto drop = [&](const at::Tensor& limit, const at::Tensor& inside, bool upper) {
    const std::int64_t count = (values == limit).sum().item<std::int64_t>();
    if (count <= many) return;
    const bool last = inside.numel() == 0;
    const at::Tensor next = last ? limit : upper ? inside.max() : inside.min();
    if (!last && count <= 2 * (values == next).sum().item<std::int64_t>()) return;
    repeated = repeated.logical_or(chosen.logical_and(y == limit));
  };
  drop(values.min(), values.masked_select(values > values.min()), false);
  drop(values.max(), values.masked_select(values < values.max()), true);
  return repeated;
}

/// The distance of neighbouring values where all lie on a grid of few steps: integers, say. 0: on none.
double quantisation_step(const at::Tensor& values) {
  constexpr std::int64_t most_levels = 4096;
  const at::Tensor levels = std::get<0>(at::unique_consecutive(std::get<0>(values.flatten().sort())));
  if (levels.numel() < 2 || levels.numel() > std::min(most_levels, values.numel() / 4)) return 0;
  const at::Tensor gaps = levels.diff();
  const double step = gaps.min().item<double>();
  const at::Tensor steps = gaps / step;
  constexpr double rounding = 0.05;  // of values that were scaled in single precision
  return (steps - steps.round()).abs().max().item<double>() < rounding ? step : 0;
}

/// No less than what rounding alone does. `estimate` may be nothing: most neighbours are equal.
std::optional<NoiseLevelEstimate> with_rounding(std::optional<NoiseLevelEstimate> estimate, const at::Tensor& values) {
  if (values.numel() < fewest) return estimate;
  const double step = quantisation_step(values), rounding = step / std::sqrt(12.0);
  if (!(rounding > 0) || (estimate && estimate->std >= rounding)) return estimate;
  return NoiseLevelEstimate{.std = rounding,
                            .count = values.numel(),
                            .relative_error = 0,
                            .left_out = 0,
                            .method = fmt::format("that of rounding to steps of {:.3g}: noise below half a step does "
                                                  "not show",
                                                  step)};
}

/// Real ones in float64, for differences. Of complex ones only energies are asked for.
at::Tensor values_of(const at::Tensor& y) { return y.is_complex() ? resolved(y.cpu()) : y.cpu().to(at::kDouble); }

at::Tensor on_support(const at::Tensor& values, const at::Tensor& support) {
  const bool finite = all_finite(values);
  if (!support.defined()) return finite ? at::ones_like(values, at::kBool) : at::isfinite(values);
  const at::Tensor there = (support.cpu() > 0).expand(values.sizes());
  return finite ? there : there.logical_and(at::isfinite(values));
}

/// Those of the entries that are there; see the header.
at::Tensor measured_of(const at::Tensor& values, const at::Tensor& there) {
  const at::Tensor chosen = there.logical_and(values != 0);
  return values.is_complex() ? chosen : chosen.logical_and(at_repeated_limits(values, chosen).logical_not());
}

}  // namespace

std::string NoiseLevelEstimate::to_string() const {
  return fmt::format("{:.3g} ± {:.0f} % ({}, {} numbers{})", std, std::max(1.0, 100 * relative_error), method, count,
                     left_out > 0 ? fmt::format("; {} exact zeros or repeated limits left out", left_out) : "");
}

std::optional<NoiseLevelEstimate> estimate_noise_level(const at::Tensor& y, const at::Tensor& support) {
  if (y.dim() == 4) {  // of a volume: slices of channels, or channels of slices
    const at::Tensor all = support.defined() ? support.expand(y.sizes()).flatten(0, 1) : support;
    return estimate_noise_level(y.flatten(0, 1), all);
  }
  if (y.dim() != 3 || y.size(1) < 2 || y.size(2) < 2) return std::nullopt;
  const at::Tensor values = values_of(y), there = on_support(values, support);
  const at::Tensor measured = measured_of(values, there);
  auto estimate = y.is_complex() ? from_high_frequencies(values, measured) : from_differences(values, measured);
  if (!y.is_complex()) {
    estimate = with_rounding(estimate, values.masked_select(there.logical_and(values != 0)));
  }
  if (estimate) {
    estimate->left_out = (there.sum() - measured.sum()).item<std::int64_t>();
  }
  return estimate;
}

}  // namespace recon
