#pragma once

#include "operators/mri/coil_maps.h"
#include "operators/operator.h"

namespace recon {

/// `composed`, Fourier samples after coil maps, with a normal operator of its own on the CPU: sum_c S_c^H (F^H M F) S_c
/// x is made coil by coil, so that a coil's image stays in the cache and no transform is centred.
///
/// `multiplier` M is real, [H', W'] as in fft2_centred's order. Where it is larger than the images [H, W], they are
/// padded with zeros to it and cut from it: the convolution with a point spread function (Toeplitz embedding) needs H'
/// >= 2H - 1 and W' >= 2W - 1. Everything else is that of `composed`.
LinearOperatorPtr with_coilwise_normal(LinearOperatorPtr composed, SharedCoilMaps coils, const at::Tensor& multiplier);

}  // namespace recon
