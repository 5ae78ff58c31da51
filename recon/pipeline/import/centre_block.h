#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace recon {

/// Lines a side, at most `largest`, of the block around the zero frequency in which every grid position has a sample at
/// most one and a half steps away along both axes. `positions` [samples, 2] in grid steps.
std::int64_t covered_centre(const at::Tensor& positions, std::int64_t largest);

/// The Cartesian block [coils, lines, lines] around the zero frequency that the samples [coils, n] at `positions` [n,
/// 2] tell: with z the image, of a somewhat larger block, that solves (A^H A + shift) z = A^H y, A the non-uniform
/// Fourier transform at the samples within, F z without the margin.
at::Tensor centre_from_samples(const at::Tensor& samples, const at::Tensor& positions, std::int64_t lines);

}  // namespace recon
