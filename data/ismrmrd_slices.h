#pragma once

#include <ATen/core/Tensor.h>

#include <string>

// Private to data.
namespace recon {

/// K-spaces of two-dimensional slices and of how many measurements each sample is the mean (0: unsampled).
struct SliceStack {
  at::Tensor kspace;    ///< [slices, coils, rows, columns]
  at::Tensor averages;  ///< [slices, rows, columns]
};

/// The `kept` central slices of [coils, partitions, rows, columns] as [kept, coils, rows, columns], by the unitary
/// centred Fourier transform along the partitions.
at::Tensor central_slices(const at::Tensor& volume, std::int64_t kept);

/// Lines on the grid of one volume, or of one slice (one partition), averaged where they meet.
class GriddedLines {
 public:
  GriddedLines() = default;
  GriddedLines(std::int64_t coils, std::int64_t partitions, std::int64_t rows, std::int64_t columns);

  /// Samples [coils, n] from `row` on, as `weight` measurements.
  void add(const at::Tensor& samples, std::int64_t partition, std::int64_t row, std::int64_t column, double weight);
  void merge(const GriddedLines& other);

  /// |a - b|² / (|a|² + |b|²) over the positions that both have; 0 where there are none.
  double disagreement(const GriddedLines& other) const;

  /// The `kept` central slices: the unitary centred Fourier transform along the partitions, white noise keeps its
  /// level. Throws Error(data) naming `location` unless every sampled position is sampled in all partitions.
  SliceStack slices(std::int64_t kept, const std::string& location) const;

  /// The same of a calibration block, whose missing partitions are zeros: its slices are blurred, as their coil maps
  /// may be. Positions without those partitions that the others have are left out.
  at::Tensor calibration_slices(std::int64_t kept) const;

 private:
  at::Tensor mean() const;

  at::Tensor sum_;    ///< [coils, partitions, rows, columns]
  at::Tensor count_;  ///< [partitions, rows, columns]
};

}  // namespace recon
