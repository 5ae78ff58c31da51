#include "operators/fourier/half_spectrum.h"

#include <ATen/ATen.h>

#include "operators/fourier/fft.h"

namespace recon {
namespace {

/// sqrt(copies of a column / pixels): the scale that makes the half spectrum an isometry.
at::Tensor isometry_scale(std::int64_t pixels, std::int64_t width) {
  const at::Tensor copies = at::full({width / 2 + 1}, 2.0, at::kDouble);
  copies[0] = 1;
  if (width % 2 == 0) copies[width / 2] = 1;
  return (copies / static_cast<double>(pixels)).sqrt();
}

}  // namespace

at::Tensor apply_circulant(const at::Tensor& x, const at::Tensor& multiplier) {
  return irfft2(rfft2(x).mul_(multiplier), x.size(-1));
}

SpectralForm half_spectrum_form(std::int64_t height, std::int64_t width, const DeviceConstant& eigenvalues) {
  const at::Tensor scale = isometry_scale(height * width, width);
  const DeviceConstant forward(scale);
  // V c = irfft2(c / scale) / (HW)
  const DeviceConstant backward(1 / (scale * static_cast<double>(height * width)));
  return {.analyze = [forward](const at::Tensor& x) { return rfft2(x).mul_(forward.like(x)); },
          .synthesize = [backward, width](const at::Tensor& c) { return irfft2(c * backward.like(c), width); },
          .eigenvalues = [eigenvalues](const at::Tensor& like) { return eigenvalues.like(like); }};
}

at::Tensor apply_circulant_3d(const at::Tensor& x, const at::Tensor& multiplier) {
  return irfft3(rfft3(x).mul_(multiplier), x.size(-1));
}

SpectralForm half_spectrum_form_3d(const std::array<std::int64_t, 3>& size, const DeviceConstant& eigenvalues) {
  const std::int64_t voxels = size[0] * size[1] * size[2], width = size[2];
  const at::Tensor scale = isometry_scale(voxels, width);
  const DeviceConstant forward(scale);
  const DeviceConstant backward(1 / (scale * static_cast<double>(voxels)));
  return {.analyze = [forward](const at::Tensor& x) { return rfft3(x).mul_(forward.like(x)); },
          .synthesize = [backward, width](const at::Tensor& c) { return irfft3(c * backward.like(c), width); },
          .eigenvalues = [eigenvalues](const at::Tensor& like) { return eigenvalues.like(like); }};
}

}  // namespace recon
