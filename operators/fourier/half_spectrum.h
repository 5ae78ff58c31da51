#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

#include "operators/operator.h"
#include "recon/core/device_constant.h"

namespace recon {

// Circulant operators on real images [..., H, W], in the half spectrum [..., H, W / 2 + 1] of rfft2.

/// irfft2(multiplier * rfft2(x)): the circulant operator whose eigenvalues are HW · `multiplier` (the transforms are
/// unscaled, so the multiplier carries the 1 / (HW)). The result is real, of the shape of x.
at::Tensor apply_circulant(const at::Tensor& x, const at::Tensor& multiplier);

/// The spectral form of a circulant A^H A for real images [C, H, W], with real eigenvalues [1, 1 or C, H, W / 2 + 1].
///
/// Columns that stand for two conjugate frequencies carry the factor sqrt(2), so that analyze keeps inner products.
SpectralForm half_spectrum_form(std::int64_t height, std::int64_t width, const DeviceConstant& eigenvalues);

/// Both for volumes [..., D, H, W] of `size` {D, H, W}, in the half spectrum of rfft3; the multiplier carries the
/// 1 / (DHW).
at::Tensor apply_circulant_3d(const at::Tensor& x, const at::Tensor& multiplier);
SpectralForm half_spectrum_form_3d(const std::array<std::int64_t, 3>& size, const DeviceConstant& eigenvalues);

}  // namespace recon
