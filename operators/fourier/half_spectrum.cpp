#include "operators/fourier/half_spectrum.h"

#include <ATen/ATen.h>

#include "operators/fourier/fft.h"

namespace recon {
namespace {

/// sqrt(copies of a column / HW): the scale that makes the half spectrum an isometry.
at::Tensor isometry_scale(std::int64_t height, std::int64_t width) {
  const at::Tensor copies = at::full({width / 2 + 1}, 2.0, at::kDouble);
  copies[0] = 1;
  if (width % 2 == 0) copies[width / 2] = 1;
  return (copies / static_cast<double>(height * width)).sqrt();
}

}  // namespace

at::Tensor apply_circulant(const at::Tensor& x, const at::Tensor& multiplier) {
  return irfft2(rfft2(x).mul_(multiplier), x.size(-1));
}

SpectralForm half_spectrum_form(std::int64_t height, std::int64_t width, const DeviceConstant& eigenvalues) {
  const at::Tensor scale = isometry_scale(height, width);
  const DeviceConstant forward(scale);
  // V c = irfft2(c / scale) / (HW)
  const DeviceConstant backward(1 / (scale * static_cast<double>(height * width)));
  return {.analyze = [forward](const at::Tensor& x) { return rfft2(x).mul_(forward.like(x)); },
          .synthesize = [backward, width](const at::Tensor& c) { return irfft2(c * backward.like(c), width); },
          .eigenvalues = [eigenvalues](const at::Tensor& like) { return eigenvalues.like(like); }};
}

}  // namespace recon
