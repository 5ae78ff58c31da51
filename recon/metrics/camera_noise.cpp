#include "recon/metrics/camera_noise.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace recon {
namespace {

constexpr double median_over_std = 0.6745;  ///< of the absolute value of Gaussian noise

struct BlockDifferences {
  at::Tensor mean, edge, diagonal;  ///< [blocks]
};

/// Of the 2 x 2 blocks of the pixels behind each of the four filters.
BlockDifferences block_differences(const at::Tensor& mosaic, double saturation) {
  std::vector<at::Tensor> all;
  for (std::int64_t filter = 0; filter < 4; ++filter) {
    const at::Tensor plane = mosaic.slice(0, filter / 2, std::nullopt, 2).slice(1, filter % 2, std::nullopt, 2);
    const std::int64_t rows = plane.size(0) / 2 * 2, columns = plane.size(1) / 2 * 2;
    const auto corner = [&](std::int64_t row, std::int64_t column) {
      return plane.slice(0, row, rows, 2).slice(1, column, columns, 2).flatten();
    };
    all.push_back(at::stack({corner(0, 0), corner(0, 1), corner(1, 0), corner(1, 1)}));
  }
  const at::Tensor blocks = at::cat(all, 1);
  const at::Tensor inside = (blocks.amin(0) > 0).logical_and(blocks.amax(0) < 0.98 * saturation);
  const at::Tensor kept = blocks.index({at::indexing::Slice(), inside});
  const at::Tensor a = kept[0], b = kept[1], c = kept[2], d = kept[3];
  return {kept.mean(0), at::maximum((a - b + c - d).abs(), (a + b - c - d).abs()), (a - b - c + d) / 2};
}

/// The line through (mean, variance) with such weights and nothing below zero.
AffineNoise fitted_line(const at::Tensor& mean, const at::Tensor& variance, const at::Tensor& weight) {
  const auto sum = [&](const at::Tensor& values) { return (weight * values).sum().item<double>(); };
  const double n = sum(at::ones_like(mean)), x = sum(mean), y = sum(variance);
  const double xx = sum(mean * mean), xy = sum(mean * variance), spread = n * xx - x * x;
  AffineNoise line{.per_signal = spread > 1e-12 * n * xx ? (n * xy - x * y) / spread : 0, .constant = 0};
  if (line.per_signal <= 0) return {.per_signal = 0, .constant = y / n};
  line.constant = (y - line.per_signal * x) / n;
  if (line.constant < 0) line = {.per_signal = xy / xx, .constant = 0};
  return line;
}

}  // namespace

std::optional<AffineNoise> estimate_camera_noise(const at::Tensor& mosaic, double saturation) {
  constexpr std::int64_t fewest_blocks = 400, blocks_a_bin = 100, most_bins = 64;
  if (mosaic.dim() != 2 || mosaic.size(0) < 4 || mosaic.size(1) < 4) return std::nullopt;
  const BlockDifferences blocks = block_differences(mosaic.to(at::kDouble), saturation);
  const std::int64_t count = blocks.mean.numel();
  if (count < fewest_blocks) return std::nullopt;
  const std::int64_t bins = std::min(most_bins, count / blocks_a_bin);
  const at::Tensor order = blocks.mean.argsort();
  std::vector<double> means, variances;
  for (std::int64_t bin = 0; bin < bins; ++bin) {
    const at::Tensor all = order.slice(0, bin * count / bins, (bin + 1) * count / bins);
    const at::Tensor edges = blocks.edge.index_select(0, all);
    const at::Tensor flat = all.index_select(0, std::get<1>(edges.topk(all.numel() / 4, 0, /*largest=*/false)));
    const double level = blocks.diagonal.index_select(0, flat).abs().median().item<double>() / median_over_std;
    means.push_back(blocks.mean.index_select(0, flat).mean().item<double>());
    variances.push_back(level * level);
  }
  const at::Tensor mean = at::tensor(means, at::kDouble), variance = at::tensor(variances, at::kDouble);
  if (!(variance.max().item<double>() > 0)) return std::nullopt;
  AffineNoise line{.per_signal = 0, .constant = variance.mean().item<double>()};
  for (int round = 0; round < 5; ++round) {
    const at::Tensor expected = (line.per_signal * mean + line.constant).clamp_min(1e-3 * variance.max());
    line = fitted_line(mean, variance, expected.square().reciprocal());
  }
  return line;
}

}  // namespace recon
