#pragma once

#include "operators/operator.h"
#include "operators/operator_kind.h"

namespace recon {

/// Masked single-coil Fourier measurement (Cartesian MRI with one coil): y = M F x.
///
/// F is unitary and centred, F x = fftshift(fft2(ifftshift(x))) / sqrt(HW); M is 0/1 on the centred grid, [H, W] or
/// [C, H, W]. Of volumes [C, D, H, W], F goes over D, H, W and M is [D, H, W] or [C, D, H, W]. The range is the full
/// complex grid of the image, zero where nothing is sampled (support() = M), so measured_components() = 2 · samples.
/// Real or complex images:
///   complex: A^H y = F^H M y,      A^H A = F^H M F,                  V = F^H, eigenvalues M;
///   real:    A^H y = Re F^H M y,   A^H A = F^H (M + M~) / 2 F,       M~(k) = M(-k),
/// the latter because the real part of an image has the conjugate-symmetric part of its spectrum.
LinearOperatorPtr make_fourier(const TensorSpec& image, const at::Tensor& mask, const std::string& pattern);

/// The registered kind; its masks are described in sampling_patterns.h.
OperatorKind fourier_kind();

}  // namespace recon
