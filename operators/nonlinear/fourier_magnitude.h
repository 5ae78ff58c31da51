#pragma once

#include "operators/operator_kind.h"

namespace recon {

/// Phase retrieval: y = |F P x|, P zero-padding to `oversampling` times the height and width (rounded to even numbers,
/// the image in the middle), F the unitary centred transform. y is real, of the padded size; m counts all of it.
///
/// With k = F P x the derivative is J^H v = P^H F^H (v k/|k|), real part for real images; where k = 0 the magnitude has
/// a kink and 0 is taken, which is one of its subgradients.
///
/// Shifts inside the padding and the 180 degree turn of an image have the same magnitudes: the data cannot tell them
/// apart. Oversampling of 2 determines the image up to these for almost all images (Bates 1982); below it more
/// solutions appear.
OperatorKind fourier_magnitude_kind();

/// Throws Error(internal) unless oversampling >= 1.
OperatorPtr make_fourier_magnitude(const TensorSpec& image, double oversampling);

}  // namespace recon
