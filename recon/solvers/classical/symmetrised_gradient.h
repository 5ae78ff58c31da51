#pragma once

#include <ATen/core/Tensor.h>

#include "recon/solvers/classical/image_gradient.h"

namespace recon {

/// The symmetric 2x2 derivative of a vector field, per pixel; `mixed` is sqrt 2 times the off-diagonal element, so that
/// the length of the three is the Frobenius norm.
struct SymmetrisedGradient {
  at::Tensor vertical, horizontal, mixed;
};

/// E w for fields on the grid of image_gradient (zero across the last row of w.vertical and the last column of
/// w.horizontal, where there is no difference): forward differences between entries of the grid only, so that E w = 0
/// exactly for the gradient w = D x of every affine image x. ||E||² <= 8.
SymmetrisedGradient symmetrised_gradient(const ImageGradient& w);
/// E^T r; keeps the zeros of the grid.
ImageGradient symmetrised_gradient_adjoint(const SymmetrisedGradient& r);

}  // namespace recon
