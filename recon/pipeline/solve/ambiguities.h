#pragma once

#include <ATen/core/Tensor.h>

namespace recon {

/// The image nearest to `truth` among those that magnitudes of a Fourier transform cannot tell from x: circular shifts,
/// the half turn (with conjugation for complex images), and the sign or phase. Both `[1, C, H, W]`, of one field. For
/// evaluation only: it needs the truth.
at::Tensor nearest_equivalent(const at::Tensor& x, const at::Tensor& truth);

}  // namespace recon
