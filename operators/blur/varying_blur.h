#pragma once

#include "operators/blur/blur.h"
#include "operators/operator.h"
#include "operators/operator_kind.h"

namespace recon {

/// Blur whose kernel changes across the image, by patches with interpolated kernels: y = sum_p k_p * (w_p x), the same
/// for all channels, dark beyond the border (`zero`) or with nothing said of it (`unknown`): then only the pixels are
/// measured that see nothing beyond the image, [C, H - height + 1, W - width + 1] of them, as in blur.h. Light from
/// pixel s spreads as sum_p w_p[s] k_p, the interpolation of the neighbouring patches' kernels (Nagy & O'Leary, SIAM J.
/// Sci. Comput. 19(4), 1998, there for weights after the convolution; before it, as here: Denis et al., Int. J.
/// Computer Vision 115, 2015, the physical one for a varying point spread function).
///
/// The patches form a grid `[rows, columns]` of equal cells. Along each axis the window of a patch is 1 in the middle
/// of its cell and falls to 0 at the neighbours' middles, as cos² (`smooth`) or linearly (`linear`); beyond the
/// outermost middles the last window stays 1. So the windows sum to 1 everywhere. Each patch is convolved by itself on
/// its part of the image and a margin of the kernel, and the results are added where they overlap.
///
/// kernels is [rows, columns, height, width], centre [height / 2, width / 2] as in blur.h. The adjoint is exact. Real
/// or complex images. Throws Error(usage) for kernels of another rank or larger than the image, more patches than
/// pixels along an axis, and any other boundary.
LinearOperatorPtr make_varying_blur(const TensorSpec& image, const at::Tensor& kernels, bool smooth,
                                    Boundary boundary = Boundary::zero);

OperatorKind varying_blur_kind();

}  // namespace recon
