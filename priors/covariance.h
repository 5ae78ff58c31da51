#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "recon/core/device_constant.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// The covariance matrix Sigma = V diag(l) V^T of a random image of n = C H W pixels, in a form in which every function
/// of it is applied in closed form. Immutable; computes with at:: ops in the precision and on the device of its input,
/// differentiably.
class Covariance {
 public:
  /// variance * identity. Throws Error(data) unless variance > 0.
  static Covariance isotropic(Shape image, double variance);
  /// Any symmetric positive semi-definite [n, n] matrix on the flattened image, decomposed once in double precision.
  /// Throws Error(data) if it is not symmetric or has an eigenvalue below -1e-9 of the largest.
  static Covariance full(Shape image, const at::Tensor& matrix);
  /// A stationary field with circular boundary: V^T is the unitary 2-D DFT of each channel and l the power spectrum
  /// [C, H, W], >= 0, in the order of at::fft_fft2 (zero frequency first, not centred). The pixel variance is the
  /// spectrum's mean. Throws Error(data) unless power(k) = power(-k), as a real field's is.
  static Covariance stationary(const at::Tensor& power);

  bool is_stationary() const { return form_ == Form::stationary; }
  const Shape& image() const { return image_; }
  std::int64_t pixels() const { return pixels_; }
  const at::Tensor& eigenvalues() const { return eigenvalues_.value(); }  ///< float64 [n] or, stationary, [C, H, W]

  /// V f(l) V^T x for `x` [batch, C, H, W]; f maps the tensor of eigenvalues element-wise.
  at::Tensor filter(const at::Tensor& x, const std::function<at::Tensor(const at::Tensor&)>& f) const;
  /// Sum over the n eigenvalues of f(l), in double precision.
  double trace_of(const std::function<at::Tensor(const at::Tensor&)>& f) const;
  at::Tensor dense() const;  ///< Sigma as float64 [n, n]

 private:
  enum class Form { isotropic, full, stationary };
  Covariance(Form form, Shape image, const at::Tensor& eigenvalues);

  Form form_;
  Shape image_;
  std::int64_t pixels_;
  DeviceConstant eigenvalues_;
  DeviceConstant vectors_;  ///< full only: eigenvectors as columns
};

}  // namespace recon
