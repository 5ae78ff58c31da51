#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "recon/core/device_constant.h"
#include "recon/core/tensor_spec.h"

namespace recon {

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
/// CPU only: tensors of another device are computed on the CPU and go back. Digits do not depend on the batch.
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
  template <class Real>
  at::Tensor interpolated(const at::Tensor& grids) const;
  template <class Real>
  at::Tensor spread(const at::Tensor& y) const;

  std::int64_t width_ = 0, samples_ = 0;
  Axis rows_, columns_;
  DeviceConstant correction_;  ///< [H, W], with the scales
};

}  // namespace recon
