#pragma once

#include "operators/kernels/operator_kernels.h"

namespace recon::test {

/// The kernels of operators on the strict device: the functions that a GPU's threads run, one after the other.
class StrictKernels final : public OperatorKernels {
 public:
  void interpolate(const GriddingTable& table, const at::Tensor& grids, const at::Tensor& samples) const override;
  void spread(const GriddingTable& table, const at::Tensor& samples, const at::Tensor& grids) const override;
  void project(const ProjectionTable& table, const at::Tensor& x, const at::Tensor& y) const override;
  void back_project(const ProjectionTable& table, const at::Tensor& y, const at::Tensor& x) const override;
};

}  // namespace recon::test
