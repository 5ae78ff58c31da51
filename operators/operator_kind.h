#pragma once

#include "operators/operator.h"
#include "recon/core/kind.h"

namespace recon {

/// One registered kind of operator, made from its options for images of a given spec. The laws of operators run on its
/// examples, which are to be valid for real images 1x16x16 or 3x12x16.
using OperatorKind = Kind<OperatorPtr, TensorSpec>;

}  // namespace recon
