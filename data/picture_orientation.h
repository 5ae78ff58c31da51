#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

namespace recon {

/// How a stored picture is to be turned for viewing: the value 1 to 8 of the tag Orientation (274) of TIFF 6.0 and
/// Exif 2.3. 1: as stored; 2 mirrored left to right; 3 half a turn; 4 mirrored top to bottom; 5 transposed; 6 a quarter
/// turn clockwise; 7 transposed along the other diagonal; 8 a quarter turn anticlockwise.
inline constexpr int upright = 1;

/// The orientation that a JPEG (segment APP1) or PNG (chunk eXIf) states; `upright` where there is none, or none that
/// can be read: Exif is a side note of a picture, and other programs show it as it is stored then.
int exif_orientation(std::string_view file);

/// `image` [..., H, W] as stored, turned for viewing.
at::Tensor oriented(const at::Tensor& image, int orientation);

}  // namespace recon
