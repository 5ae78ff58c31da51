#pragma once

#include "operators/operator_kind.h"

namespace recon {

/// A detector that saturates: y = clip(gain x, low, high), per pixel, in the units of the image. High dynamic range is
/// asked back from it: where y = high, the image is at least high / gain.
///
/// `softness` 0: exact. The derivative is gain inside (low, high) and 0 outside; on the two kinks it takes 0, one of
/// the subgradients. A saturated pixel therefore says nothing to a gradient until the estimate falls below the limit.
/// `softness` s > 0 rounds the kinks over s: with the softplus function h(u) = s log(1 + exp(u / s)),
/// y = low + h(gain x - low) - h(gain x - high), whose derivative is positive everywhere. It is another operator, off
/// the exact one by up to s log 2 at a kink: simulate and reconstruct with the one that the detector has.
OperatorKind clipping_kind();

}  // namespace recon
