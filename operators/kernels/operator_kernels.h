#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "operators/kernels/fan_view.h"
#include "operators/kernels/gridding_kernel.h"
#include "operators/kernels/parallel_view.h"
#include "operators/kernels/projection_kernel.h"

namespace recon {

/// Where the samples of a Gridding lie, on a device: the arrays of gridding::SortedSamples.
struct GriddingTable {
  std::int64_t width = 0, rows = 0, columns = 0;      ///< of the kernel; of a grid
  at::Tensor first_row, first_column, number, start;  ///< int64
  at::Tensor row_weights, column_weights;             ///< [samples, width], in the precision of the data

  template <class Real>
  gridding::SortedSamples<Real> samples() const {
    return {.at = {.first_row = first_row.const_data_ptr<std::int64_t>(),
                   .first_column = first_column.const_data_ptr<std::int64_t>(),
                   .row_weights = row_weights.const_data_ptr<Real>(),
                   .column_weights = column_weights.const_data_ptr<Real>(),
                   .samples = number.numel(),
                   .rows = rows,
                   .columns = columns},
            .number = number.const_data_ptr<std::int64_t>(),
            .start = start.const_data_ptr<std::int64_t>()};
  }
  std::int64_t grids_in(const at::Tensor& grids) const { return grids.numel() / (rows * columns); }
};

/// The views of a projector on a device.
struct ProjectionTable {
  at::Tensor views;  ///< float64 [views, numbers of one]: ParallelView, or FanView where `fan`
  bool fan = false;
  ProjectionSize size;

  /// work(pointer to the views).
  template <class Work>
  void with_views(const Work& work) const {
    const void* const first = views.const_data_ptr();
    fan ? work(static_cast<const FanView*>(first)) : work(static_cast<const ParallelView*>(first));
  }
  projection::Planes planes(std::int64_t count) const { return {count, views.size(0), size}; }
};

/// What a kind of device computes for operators where ATen has nothing: each call is one launch, and nothing waits.
/// All tensors are contiguous, on one device, and in one precision, float32 or float64, with complex ones of the same.
class OperatorKernels {
 public:
  virtual ~OperatorKernels() = default;
  /// gridding::interpolated(): grids [..., rows, columns] -> samples [..., samples], complex.
  virtual void interpolate(const GriddingTable& table, const at::Tensor& grids, const at::Tensor& samples) const = 0;
  /// gridding::gathered(), its transpose: writes every entry of the grids.
  virtual void spread(const GriddingTable& table, const at::Tensor& samples, const at::Tensor& grids) const = 0;
  /// projection::projected(): x [n, height, width] -> y [n, views, bins], real.
  virtual void project(const ProjectionTable& table, const at::Tensor& x, const at::Tensor& y) const = 0;
  /// projection::back_projected(), its transpose: writes every pixel.
  virtual void back_project(const ProjectionTable& table, const at::Tensor& y, const at::Tensor& x) const = 0;
};

}  // namespace recon
