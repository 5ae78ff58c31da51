#pragma once

#include "operators/operator.h"

namespace recon {

// Pixels that no coil sees: with cropped coil maps (ESPIRiT's `crop`, maps of BART) there is no image there by
// definition, but an operator alone cannot keep a prior from painting one.

/// The same operator, which knows that only pixels with `seen` = 1 are seen; `seen` is 0/1 [C, H, W] like the image.
LinearOperatorPtr with_seen_pixels(LinearOperatorPtr op, const at::Tensor& seen);

/// `seen` as with_seen_pixels() was given it, float64 on the CPU; undefined for all other operators.
at::Tensor seen_pixels(const Operator& op);

}  // namespace recon
