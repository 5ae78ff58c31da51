#pragma once

#include "operators/operator.h"
#include "operators/operator_kind.h"

namespace recon {

/// Multi-coil Cartesian MRI (SENSE; Pruessmann et al. 1999): y_c = M F sum_s S_{s,c} x_s.
///
/// F is unitary and centred and M is 0/1 on the centred grid (fourier.h), S are coil maps (coil_maps.h). The range is
/// complex [coils, H, W], zero where nothing is sampled. Real images give A^H y = Re S^H F^H M y.
/// Volumes [C, D, H, W] have maps and masks with D before H, and F over D, H, W (three-dimensional Cartesian MRI).
/// Where all maps are 0 there is no image, and seen_pixels() of the operator says so.
LinearOperatorPtr make_sense(const TensorSpec& image, const at::Tensor& maps, const at::Tensor& mask,
                             const std::string& pattern, const std::string& location);

/// The registered kind; its masks are described in sampling_patterns.h.
OperatorKind sense_kind();

}  // namespace recon
