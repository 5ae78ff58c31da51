#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace recon {

// Receive channels of multi-coil k-space `[coils, ...]`, complex, before any reconstruction: noise, compression,
// combination. Everything is computed in double precision.

/// The k x k block of samples [coils, h, w] around the zero frequency [H/2, W/2] of `kspace` [coils, H, W] in which
/// every position is sampled (not zero in all coils), grown line by line from the middle up to `largest` a side.
/// Throws Error(data) naming `location` when it does not reach `smallest` a side.
at::Tensor calibration_centre(const at::Tensor& kspace, std::int64_t smallest, std::int64_t largest,
                              const std::string& location);

/// Samples [coils, n] of `kspace` [coils, H, W] in the corners, sqrt(u² + v²) > 1 with u, v = ±1 at the ends of the
/// rows and columns, without unsampled positions (zero in all coils). Little of an image is there, but not nothing: it
/// errs to the high side. Throws Error(data) when fewer than 8 per coil are there.
at::Tensor corner_samples(const at::Tensor& kspace, const std::string& location);

/// Psi = sum n n^H / (2 n) of noise samples [coils, n]: the covariance per REAL component, so that I means noise of
/// standard deviation 1 on real and imaginary part each. Throws Error(data) when it is singular: fewer samples than
/// coils, or a coil without signal.
at::Tensor noise_covariance(const at::Tensor& samples, const std::string& location);

/// L^-1 with Psi = L L^H: L^-1 applied to the coils gives them independent noise of standard deviation 1 (Pruessmann
/// et al. 2001, eq. 14-17).
at::Tensor whitening_matrix(const at::Tensor& covariance);

/// The `count` left singular vectors of the samples [coils, n] with most energy, conjugate transposed: [count, coils]
/// (Buehrer et al. 2007). Its rows are orthonormal, so that white noise stays white. Count >= coils: all of them.
at::Tensor compression_matrix(const at::Tensor& samples, std::int64_t count);

/// matrix [m, coils] applied to the coils of `data` [coils, ...], in the precision of the data.
at::Tensor mixed_channels(const at::Tensor& matrix, const at::Tensor& data);

/// The k-space [..., rows, W] of the central `rows` rows of the image of `kspace` [..., H, W]: takes the readout's
/// oversampling away. White noise keeps its level. Columns without samples stay without up to rounding.
at::Tensor readout_cropped(const at::Tensor& kspace, std::int64_t rows);

/// sqrt(sum_c |x_c|²) over the leading axis: the combination that needs no maps (Roemer et al. 1990).
at::Tensor root_sum_of_squares(const at::Tensor& coil_images);

}  // namespace recon
