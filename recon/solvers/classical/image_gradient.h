#pragma once

#include <ATen/core/Tensor.h>

#include "recon/core/words.h"

namespace recon {

/// How the two differences of a pixel add up in total variation: the length of the gradient, or absolute values.
enum class TvVariant { isotropic, anisotropic };
constexpr auto words_of(TvVariant) {
  using enum TvVariant;
  return std::to_array<Word<TvVariant>>({{isotropic, "isotropic"}, {anisotropic, "anisotropic"}});
}

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
