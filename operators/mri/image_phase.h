#pragma once

#include "operators/operator.h"

namespace recon {

/// The phase of a complex image as its low frequencies show it: the angle of A^H y after a low-pass, [1, C, H, W] in
/// radians (the phase part of homodyne reconstruction; Noll, Nishimura & Macovski 1991).
///
/// The low-pass is a Hann window over the central 2 `half_width` of each axis of the image's spectrum, as a share of
/// the axis: what is undersampled farther out does not reach it. `y` [1, range...]. Throws Error(usage) unless the
/// operator is linear and its image complex.
at::Tensor low_resolution_phase(const OperatorPtr& op, const at::Tensor& y, double half_width = 0.125);

/// A for images m exp(i phase) with real m: m -> A(exp(i phase) m), `phase` real [1, C, H, W]. A^H gives the real part
/// of exp(-i phase) A^H y.
OperatorPtr with_phase(const OperatorPtr& op, const at::Tensor& phase);

}  // namespace recon
