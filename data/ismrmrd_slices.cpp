#include "data/ismrmrd_slices.h"

#include <ATen/ATen.h>

#include <vector>

#include "recon/core/error.h"

namespace recon {

at::Tensor central_slices(const at::Tensor& volume, std::int64_t kept) {
  const std::int64_t partitions = volume.size(1);
  if (partitions == 1) return volume.squeeze(1).unsqueeze(0);
  const std::vector<std::int64_t> along{1};
  const at::Tensor slices = at::fft_fftshift(at::fft_ifft(at::fft_ifftshift(volume, along), {}, 1, "ortho"), along);
  return slices.narrow(1, partitions / 2 - kept / 2, kept).transpose(0, 1).contiguous();
}

GriddedLines::GriddedLines(std::int64_t coils, std::int64_t partitions, std::int64_t rows, std::int64_t columns)
    : sum_(at::zeros({coils, partitions, rows, columns}, at::kComplexFloat)),
      count_(at::zeros({partitions, rows, columns})) {}

void GriddedLines::add(const at::Tensor& samples, std::int64_t partition, std::int64_t row, std::int64_t column,
                       double weight) {
  const std::int64_t n = samples.size(1);
  sum_.select(1, partition).narrow(1, row, n).select(2, column).add_(samples, weight);
  count_[partition].narrow(0, row, n).select(1, column).add_(weight);
}

void GriddedLines::merge(const GriddedLines& other) {
  sum_.add_(other.sum_);
  count_.add_(other.count_);
}

at::Tensor GriddedLines::mean() const { return sum_ / count_.where(count_ > 0, at::ones({})); }

double GriddedLines::disagreement(const GriddedLines& other) const {
  const at::Tensor both = (count_ > 0).logical_and(other.count_ > 0);
  const at::Tensor a = mean() * both, b = other.mean() * both;
  const double energy = (a.abs().square().sum() + b.abs().square().sum()).item<double>();
  return energy > 0 ? (a - b).abs().square().sum().item<double>() / energy : 0;
}

SliceStack GriddedLines::slices(std::int64_t kept, const std::string& location) const {
  const at::Tensor sampled = count_ > 0, any = sampled.any(0);
  if (!sampled.equal(any.expand_as(sampled))) {
    throw data_error(location,
                     "expected 3-D data whose second phase encoding is complete, found {} of the {} samples of their "
                     "lines in {} partitions; such data are not read",
                     sampled.sum().item<std::int64_t>(), any.sum().item<std::int64_t>() * sampled.size(0),
                     sampled.size(0));
  }
  // A slice has the mean variance of the partitions, which is that of 1 / mean(1 / n) measurements.
  const at::Tensor averages = (1 / count_.reciprocal().mean(0)).where(any, at::zeros({}));
  const at::Tensor kspace = central_slices(mean(), kept) * any;
  return {.kspace = kspace, .averages = averages.unsqueeze(0).expand({kept, -1, -1}).contiguous()};
}

at::Tensor GriddedLines::calibration_slices(std::int64_t kept) const {
  const at::Tensor sampled = count_ > 0;
  const at::Tensor present = sampled.flatten(1).any(1).view({-1, 1, 1});
  const at::Tensor whole = sampled.eq(present.expand_as(sampled)).all(0);
  return central_slices(mean() * whole, kept) * whole;
}

}  // namespace recon
