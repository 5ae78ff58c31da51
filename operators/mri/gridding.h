#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "recon/core/device_constant.h"
#include "recon/core/tensor_spec.h"

namespace recon {

struct GriddingTable;

/// The non-uniform Fourier transform of images [..., H, W] at positions k_j (rows, columns; cycles per field of view),
///
///     y_j = sum_{r,c} x_{r,c} exp(-2 pi i (k_j,0 (r - H/2) / H + k_j,1 (c - W/2) / W)) / sqrt(HW),
///
/// by gridding (Jackson et al. 1991; Beatty, Nishimura & Pauly 2005): x over the transform of the kernel, padded to an
/// `oversampling` times finer grid of frequencies, and there a weighted sum of the w x w nearest. The kernel is
/// Kaiser-Bessel, I0(beta sqrt(1 - (2t/w)²)), beta = pi sqrt((w/s)² (s - 1/2)² - 0.8) with oversampling s (their eq.
/// 5), and w grows with -log10(accuracy). Error(usage) where that is too wide. ||y - exact|| / ||exact|| is at most
/// `accuracy` for random images.
///
/// On the CPU the adjoint adds sample by sample, on a device entry by entry of the grid (gridding_kernel.h): equal but
/// for the order of the sum. Digits do not depend on the batch.
class Gridding {
 public:
  Gridding(const Shape& image, const at::Tensor& positions, double accuracy, double oversampling);

  std::int64_t samples() const { return samples_; }
  at::Tensor apply(const at::Tensor& x) const;    ///< [..., H, W] real or complex -> [..., samples]
  at::Tensor adjoint(const at::Tensor& y) const;  ///< [..., samples] -> complex [..., H, W], the exact adjoint of apply

 private:
  /// Per axis: the first grid line that each sample sees (may be < 0: lines wrap) and its weights [samples, w].
  struct Axis {
    std::int64_t size = 0, grid = 0;
    std::vector<std::int32_t> first;
    DeviceConstant weights;
    at::Tensor correction;  ///< 1 / transform of the kernel per pixel [size]
  };
  Axis axis_for(std::int64_t size, const at::Tensor& positions, double oversampling) const;
  // Contiguous tensors of the CPU: grids [..., rows, columns], samples [..., samples].
  template <class Real>
  void interpolate(const at::Tensor& grids, const at::Tensor& samples) const;
  template <class Real>
  void spread(const at::Tensor& samples, const at::Tensor& grids) const;
  GriddingTable table_like(const at::Tensor& data) const;  ///< on its device, in its precision

  std::int64_t width_ = 0, samples_ = 0;
  Axis rows_, columns_;
  DeviceConstant correction_;  ///< [H, W], with the scales
  struct Sorted;
  std::shared_ptr<Sorted> sorted_;
};

}  // namespace recon
