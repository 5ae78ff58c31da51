#pragma once

#include <string>

#include "operators/blur/blur.h"

namespace recon {

/// Convolution of volumes [C, D, H, W] with a kernel [kd, kh, kw], as a microscope's stack is measured: y[i] =
/// sum_j k[j] x[i - j + c] with the centre c = [kd / 2, kh / 2, kw / 2], the same kernel for all channels. The result
/// has the size of the volume, but for the boundary `unknown`: there it has [C, D - kd + 1, H - kh + 1, W - kw + 1],
/// and window() says which part of the volume it shows. A kernel with kd = 1 blurs each slice for itself.
///
/// By FFT as make_blur(): circular directly (spectral form: eigenvalues |k^|²), the others on a padded volume; the
/// adjoint is exact for each. Real or complex volumes. Throws Error(usage) for a kernel that is not [kd, kh, kw] or is
/// larger than the volume.
LinearOperatorPtr make_volume_blur(const TensorSpec& volume, const at::Tensor& kernel, Boundary boundary,
                                   const std::string& description);

}  // namespace recon
