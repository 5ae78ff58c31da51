#pragma once

#include <string>

#include "operators/operator.h"
#include "operators/operator_kind.h"

namespace recon {

/// How a convolution continues the image beyond its border.
enum class Boundary {
  circular,  ///< periodic: exact and fastest, but real photographs are not periodic
  zero,      ///< dark outside
  reflect,   ///< mirrored with the edge pixel repeated, c b a | a b c (OpenCV BORDER_REFLECT, scipy.ndimage "reflect")
  unknown    ///< not at all: only what the image itself decides is measured (scipy.signal "valid")
};
constexpr auto words_of(Boundary) {
  using enum Boundary;
  return std::to_array<Word<Boundary>>(
      {{circular, "circular"}, {zero, "zero"}, {reflect, "reflect"}, {unknown, "unknown"}});
}

/// Convolution y[i] = sum_j k[j] x[i - j + c] with the kernel's centre c = [height / 2, width / 2], the same kernel for
/// all channels; image and result have the same size [C, H, W], but for the boundary `unknown`: there the result has
/// [C, H - height + 1, W - width + 1], the pixels (height - 1 - height / 2, width - 1 - width / 2) and on of the image.
/// A photograph is such a window of a larger scene: solvers find the scene, and window() says what to keep of it.
///
/// By FFT: circular directly (spectral form: eigenvalues |k^|²), the others on a padded image; the adjoint is
/// exact for each. Real or complex images (a complex one as its two parts: the kernel is real). Throws Error(usage) for
/// a kernel that is not [height, width] or is larger than the image.
LinearOperatorPtr make_blur(const TensorSpec& image, const at::Tensor& kernel, Boundary boundary,
                            const std::string& description);

/// The registered kind; of volumes it makes the operator of volume_blur.h.
OperatorKind blur_kind();

/// The option `boundary`, shared with super_resolution.
void visit_boundary(Boundary& boundary, ParameterVisitor& v);

}  // namespace recon
