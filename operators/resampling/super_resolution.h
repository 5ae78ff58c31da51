#pragma once

#include <string>

#include "operators/operator.h"
#include "operators/operator_kind.h"

namespace recon {

/// What bicubic downsampling does with taps outside of the image.
enum class BicubicBorder { renormalize, mirror };
constexpr auto words_of(BicubicBorder) {
  using enum BicubicBorder;
  return std::to_array<Word<BicubicBorder>>({{renormalize, "renormalize"}, {mirror, "mirror"}});
}

/// Downsampling by an integer factor f: [C, H, W] -> [C, H/f, W/f], real images; H and W must be multiples of f.
///
/// Low-resolution pixel i covers the high-resolution pixels i f .. i f + f - 1 and stands for their centre: no shift
/// against Pillow, MATLAB and avg_pool2d. Filters:
///   average  the mean of each f x f block. A A^H = I / f²; eigenvectors by one Householder reflection per block.
///   bicubic  cubic convolution kernel with a = -1/2 (Keys 1981, eq. 15) stretched by f (antialiasing), as MATLAB's
///   imresize and
///            Pillow's resize compute it. At the border `renormalize` leaves out the taps outside (Pillow), `mirror`
///            reflects them (MATLAB). Separable D_h x D_w^T; eigenvectors from the singular vectors of D_h and D_w.
///   kernel   blur (any kernel and boundary of operators/blur), then every f-th pixel, beginning with (f - 1) / 2.
///            Generated kernels have the parity of f, so that they cause no shift; a kernel of one's own that has the
///            other parity shifts by half a pixel. Conjugate gradients, no closed form.
OperatorKind super_resolution_kind();

LinearOperatorPtr make_average_downsampling(const TensorSpec& image, std::int64_t factor);
LinearOperatorPtr make_bicubic_downsampling(const TensorSpec& image, std::int64_t factor, BicubicBorder border);
/// Keeps the pixels offset, offset + factor, ... of both axes.
LinearOperatorPtr make_decimation(const TensorSpec& image, std::int64_t factor, std::int64_t offset);

}  // namespace recon
