#pragma once

#include <ATen/core/Tensor.h>

namespace recon {

inline constexpr double kGradientNorm = 8;  ///< bound of ||D||² for the gradient D below

/// Forward differences of an image along its last two axes, both of the image's shape; the difference across the last
/// row or column is zero (no jump at the border, Neumann).
struct ImageGradient {
  at::Tensor vertical, horizontal;
};

/// D x for images [batch, C, H, W], real or complex. ||D||² < 8.
ImageGradient image_gradient(const at::Tensor& x);
/// D^T g, minus the divergence (Chambolle 2004, eq. 3).
at::Tensor image_gradient_adjoint(const ImageGradient& g);

}  // namespace recon
