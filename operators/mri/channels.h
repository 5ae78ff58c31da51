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

/// The same without an error: undefined when the zero frequency is not sampled or the block is smaller than `smallest`.
at::Tensor find_calibration_centre(const at::Tensor& kspace, std::int64_t smallest, std::int64_t largest);

/// Samples [coils, n] of noise alone, out of `kspace` [coils, H, W]: the outer half of the phase encodings, transformed
/// along the readout (H), has little of an image, and that little has the extent of the object, so its rows of least
/// energy are air. An eighth of the rows is taken, chosen on every second column and used of the others, so that the
/// choice does not lower the level. White noise keeps its level. Readouts whose ends a receiver's filter attenuates
/// give less. corner_samples() where too few complete readouts are there.
at::Tensor background_samples(const at::Tensor& kspace, const std::string& location);

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

/// Maps [coils, H, W] of mixed (whitened, compressed) coils, scaled so that the image is that of the coils before:
/// divided by the norm of matrix S, where `matrix` [coils before, coils] takes the mixed coils back. With orthonormal
/// maps of the coils before, sum |S|² = 1, the image is then their root of the sum of squares, as of programs that do
/// not whiten. Maps that are 0 stay so.
at::Tensor in_units_of_file_coils(const at::Tensor& matrix, const at::Tensor& maps);

/// The k-space of the central `pixels` of the image of `kspace` [..., H, W] along `axis` (-2 or -1): takes oversampling
/// away. White noise keeps its level. Lines without samples, that cross the axis, stay without up to rounding.
at::Tensor field_of_view_cropped(const at::Tensor& kspace, std::int64_t axis, std::int64_t pixels);

/// sqrt(sum_c |x_c|²) over the leading axis: the combination that needs no maps (Roemer et al. 1990).
at::Tensor root_sum_of_squares(const at::Tensor& coil_images);

}  // namespace recon
