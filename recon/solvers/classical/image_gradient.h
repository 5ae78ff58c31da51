#pragma once

#include <ATen/core/Tensor.h>

#include "recon/core/words.h"

namespace recon {

/// How the differences of a pixel add up in total variation: the length of the gradient, or absolute values.
enum class TvVariant { isotropic, anisotropic };
constexpr auto words_of(TvVariant) {
  using enum TvVariant;
  return std::to_array<Word<TvVariant>>({{isotropic, "isotropic"}, {anisotropic, "anisotropic"}});
}

inline constexpr double kGradientNorm = 8;  ///< bound of ||D||² for the gradient D of images

/// Forward differences of an image along its last two axes, all of the image's shape; the difference across the last
/// row or column is zero (no jump at the border, Neumann). Volumes have those from slice to slice, too.
struct ImageGradient {
  at::Tensor vertical, horizontal;
  at::Tensor axial = {};  ///< undefined: of an image

  bool of_volume() const { return axial.defined(); }
};

/// D x for images [batch, C, H, W] or volumes [batch, C, D, H, W], real or complex. ||D||² < gradient_norm(x).
ImageGradient image_gradient(const at::Tensor& x);
/// Bound of ||D||²: 4 for each axis along which differences are taken.
double gradient_norm(const at::Tensor& x);
/// (D x)_z alone, the differences from slice to slice of volumes, zero behind the last slice; and its transpose.
at::Tensor slice_difference(const at::Tensor& x);
at::Tensor slice_difference_adjoint(const at::Tensor& d);
/// D^T g, minus the divergence (Chambolle 2004, eq. 3).
at::Tensor image_gradient_adjoint(const ImageGradient& g);

}  // namespace recon
