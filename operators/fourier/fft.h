#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "recon/core/device_constant.h"

namespace recon {

// The one seam to Fourier libraries: FFTW on the CPU, cuFFT through at::fft_* on the GPU. Transforms of images run over
// the last two axes [..., H, W], in the precision of the argument, and leave the argument unchanged unless said
// otherwise. FFTW: one plan per (shape, kind, precision, alignment, threads), made under one mutex and kept; executing
// is thread-safe. FFTW_ESTIMATE: measured plans depend on the clock, and with them the last digits of every result.
// Several images are transformed image by image in parallel, one large image with threads.

/// Unitary centred transform k = fftshift(fft2(ifftshift(x))) / sqrt(HW); real or complex in, complex out. The zero
/// frequency is at [H / 2, W / 2].
at::Tensor fft2_centred(const at::Tensor& x);
/// Its inverse and adjoint: x = fftshift(ifft2(ifftshift(k))) sqrt(HW); complex.
at::Tensor ifft2_centred(const at::Tensor& k);

/// Both for volumes [..., D, H, W], unitary over D, H, W, the zero frequency at [D / 2, H / 2, W / 2]: planes as above,
/// then along D by LibTorch's own transforms.
at::Tensor fft3_centred(const at::Tensor& x);
at::Tensor ifft3_centred(const at::Tensor& k);

/// A filter of complex images on the CPU: F^H diag(multiplier) F, F the unitary transform. It commutes with cyclic
/// shifts, so that it needs no centring. `multiplier` is real, [H, W], as in fft2_centred's order; where it is constant
/// along an axis F is left out along that axis, on which F^H F = 1.
class ImageFilter {
 public:
  explicit ImageFilter(const at::Tensor& multiplier);

  /// Memory for images [count, H, W]; its rows may have gaps between them, which make it faster.
  at::Tensor work(std::int64_t count, const at::TensorOptions& options) const;
  /// Filters in place what work() gave, whole or some of its images.
  void apply_(const at::Tensor& images) const;

 private:
  enum class Axes { both, rows, columns, none };
  std::int64_t height_, width_;
  Axes axes_;
  DeviceConstant multiplier_;  ///< each entry twice, for the real and the imaginary part, with the scale of F
};

/// Half spectrum of a real image without any scaling: real [..., H, W] -> complex [..., H, W / 2 + 1], the zero
/// frequency at [0, 0]. Callers fold the scale into the multiplier that they apply anyway.
at::Tensor rfft2(const at::Tensor& x);
/// The unscaled inverse: irfft2(rfft2(x), W) = H W x. Consumes its argument (FFTW overwrites it): pass a temporary.
at::Tensor irfft2(at::Tensor half_spectrum, std::int64_t width);

/// The same of volumes [..., D, H, W], as above; unscaled.
at::Tensor rfft3(const at::Tensor& x);
/// irfft3(rfft3(x), W) = D H W x. Consumes its argument.
at::Tensor irfft3(at::Tensor half_spectrum, std::int64_t width);

/// The smallest even number >= n whose prime factors are 2, 3 and 5: a padded size that transforms are fast for.
std::int64_t fast_fft_size(std::int64_t n);

}  // namespace recon
