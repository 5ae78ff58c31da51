#pragma once

#include <ATen/core/Tensor.h>

#include "recon/solvers/context.h"

namespace recon {

/// J d `[batch, range...]`, J the derivative of the operator at the images x `[batch, C, H, W]`: A d for linear
/// operators, otherwise a central difference whose step, eps^(1/3) of the image's length, balances truncation and
/// rounding (relative error some eps^(2/3)).
at::Tensor jacobian_product(SolverContext& context, const at::Tensor& x, const at::Tensor& d);

/// `[batch]` largest eigenvalue of J^H J at the images x, float64, by eight power iterations from below. The same for
/// all samples of an item if the images are.
at::Tensor squared_jacobian_norm(SolverContext& context, const at::Tensor& x);

}  // namespace recon
