#pragma once

#include "operators/operator.h"
#include "operators/operator_kind.h"

namespace recon {

/// y = M x with a 0/1 mask M (1 = measured); unmeasured pixels are 0 in y and are no data (support() = M).
///
/// A^H = A, A^H A = A, so V = I and the eigenvalues are the mask. Real or complex images [C, H, W]; `mask` is [H, W],
/// [1, H, W] or [C, H, W]. Throws Error(usage) for a mask that does not fit.
LinearOperatorPtr make_inpainting(const TensorSpec& image, const at::Tensor& mask, const std::string& pattern);

/// The patterns of the registered kind: an array, random pixels, a box, stripes.
OperatorKind inpainting_kind();

}  // namespace recon
