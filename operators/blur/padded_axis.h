#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>

#include "operators/blur/blur.h"
#include "operators/fourier/fft.h"
#include "recon/core/error.h"

// Private to blur: convolutions by FFT on a padded grid, axis by axis.
namespace recon {

/// One axis of the padded convolution.
struct PaddedAxis {
  std::int64_t dim;            ///< counted from the end
  std::int64_t image;          ///< entries of the image
  std::int64_t before, after;  ///< entries that the kernel sees beyond either end
  std::int64_t result_offset;  ///< where the result begins in the padded array
  std::int64_t result;         ///< entries of the result
  std::int64_t padded;

  static PaddedAxis make(std::int64_t dim, std::int64_t image, std::int64_t kernel, Boundary boundary) {
    const std::int64_t after = kernel / 2;
    const std::int64_t before = kernel - 1 - after;
    switch (boundary) {
      case Boundary::circular:
        return {dim, image, before, after, 0, image, image};
      case Boundary::zero:
        return {dim, image, before, after, 0, image, fast_fft_size(image + std::max(before, after))};
      case Boundary::reflect:
        return {dim, image, before, after, before, image, fast_fft_size(image + before + after)};
      case Boundary::unknown:  // what is wrapped around falls outside the result
        return {dim, image, before, after, before, image - kernel + 1, fast_fft_size(image)};
    }
    throw internal_error("Boundary", "value {} is not one of the enumerators", static_cast<int>(boundary));
  }

  at::Tensor image_part(const at::Tensor& array) const { return array.narrow(dim, 0, image); }
  at::Tensor result_part(const at::Tensor& array) const { return array.narrow(dim, result_offset, result); }
};

/// [mirrored head | x | mirrored tail] along one axis.
inline at::Tensor mirrored(const at::Tensor& x, const PaddedAxis& axis) {
  return at::cat({x.narrow(axis.dim, 0, axis.before).flip(axis.dim), x,
                  x.narrow(axis.dim, axis.image - axis.after, axis.after).flip(axis.dim)},
                 axis.dim);
}

/// The transpose of mirrored(): head and tail are folded back onto the image.
inline at::Tensor folded(const at::Tensor& z, const PaddedAxis& axis) {
  at::Tensor x = z.narrow(axis.dim, axis.before, axis.image).clone();
  x.narrow(axis.dim, 0, axis.before) += z.narrow(axis.dim, 0, axis.before).flip(axis.dim);
  x.narrow(axis.dim, axis.image - axis.after, axis.after) +=
      z.narrow(axis.dim, axis.before + axis.image, axis.after).flip(axis.dim);
  return x;
}

/// Complex [B, C, ...] -> real [B, 2, C, ...], real tensors unchanged: the kernel is real, so the parts are apart.
inline at::Tensor parts_apart(const at::Tensor& x) {
  return x.is_complex() ? at::view_as_real(x.resolve_conj()).movedim(-1, 1) : x;
}
inline at::Tensor parts_joined(const at::Tensor& parts, ScalarKind scalar) {
  return scalar == ScalarKind::complex ? at::view_as_complex(parts.movedim(1, -1).contiguous()) : parts;
}

/// The spectral form of an operator on real images as that on images of this kind, a complex one as its two parts.
inline SpectralForm form_of_parts(SpectralForm form, ScalarKind scalar) {
  if (scalar == ScalarKind::real) return form;
  return {.analyze = [analyze = form.analyze](const at::Tensor& x) { return analyze(parts_apart(x)); },
          .synthesize = [synthesize = form.synthesize](
                            const at::Tensor& c) { return parts_joined(synthesize(c), ScalarKind::complex); },
          .eigenvalues = form.eigenvalues};
}

}  // namespace recon
