#include "recon/metrics/noise_level.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

namespace recon {
namespace {

constexpr std::int64_t fewest = 100;
constexpr double normal_quartile = 0.67448975019608171;  // P(|Z| <= it) = 1/2

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
  const at::Tensor complete = of_blocks(measured, [](T a, T b, T c, T d) { return a * b * c * d; });
  const at::Tensor differences = of_blocks(y, [](T a, T b, T c, T d) { return ((a - b) - (c - d)) / 2; });
  const at::Tensor complete_differences = differences.masked_select(complete > 0);
  if (complete_differences.numel() < fewest) return std::nullopt;
  return NoiseLevelEstimate{.std = middle_of(complete_differences.abs()) / normal_quartile,
                            .count = complete_differences.numel(),
                            .method = "median absolute diagonal difference of neighbouring pixels"};
}

std::optional<NoiseLevelEstimate> from_high_frequencies(const at::Tensor& y, const at::Tensor& measured) {
  const auto offset = [](std::int64_t n) { return (at::arange(n, at::kDouble) - static_cast<double>(n / 2)) / n; };
  const at::Tensor radius2 = offset(y.size(1)).square().unsqueeze(1) + offset(y.size(2)).square();
  const at::Tensor chosen = measured > 0;
  const at::Tensor distances = radius2.expand(y.sizes()).masked_select(chosen);
  const at::Tensor energies = y.abs().square().masked_select(chosen);
  const std::int64_t count = distances.numel() / 10;
  if (count < fewest) return std::nullopt;
  const at::Tensor outermost = std::get<1>(distances.topk(count));
  return NoiseLevelEstimate{.std = std::sqrt(middle_of(energies.index_select(0, outermost)) / (2 * std::numbers::ln2)),
                            .count = count,
                            .method = "median energy of the outermost tenth of the measured frequencies"};
}

}  // namespace

std::optional<NoiseLevelEstimate> estimate_noise_level(const at::Tensor& y, const at::Tensor& support) {
  if (y.dim() != 3 || y.size(1) < 2 || y.size(2) < 2) return std::nullopt;
  const at::Tensor values = y.cpu().to(y.is_complex() ? at::kComplexDouble : at::kDouble);
  const at::Tensor measured =
      support.defined() ? support.cpu().to(at::kDouble).expand(y.sizes()) : at::ones(y.sizes(), at::kDouble);
  return y.is_complex() ? from_high_frequencies(values, measured) : from_differences(values, measured);
}

}  // namespace recon
