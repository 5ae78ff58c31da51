#pragma once

#include "operators/operator.h"
#include "operators/operator_kind.h"

namespace recon {

/// A x = x, for denoising. Real or complex arrays of any shape; unitary, all eigenvalues 1.
LinearOperatorPtr make_identity(const TensorSpec& spec);

OperatorKind identity_kind();

}  // namespace recon
