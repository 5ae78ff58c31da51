#pragma once

#include <ATen/core/Tensor.h>

namespace recon {

/// What coil maps do not explain of fully sampled `kspace` [coils, H, W] beyond white noise of `noise_std` per real
/// component: the standard deviation per real component of y - F S x at the best image x, of which noise alone leaves
/// (coils - 1) / coils; 0 where noise explains it. `inner` rows and columns at the ends are left out, where a block
/// that was cut out of k-space differs from what its maps make of it.
double map_error(const at::Tensor& kspace, const at::Tensor& maps, double noise_std, std::int64_t inner = 0);

/// The root mean square of `kspace` [coils, H, W] per real component, without `inner` rows and columns at the ends and
/// over the samples that are there (not zero in all coils).
double sample_level(const at::Tensor& kspace, std::int64_t inner = 0);

}  // namespace recon
