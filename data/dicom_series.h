#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/image_geometry.h"
#include "recon/core/tensor_spec.h"

// Private to data: where the slices of a DICOM series lie (PS3.3 C.7.6.2).
namespace recon {

/// What a slice says of its place. Lengths in mm; axes to the left, to the back and upwards of the patient.
struct SlicePlace {
  std::optional<std::array<double, 3>> position;     ///< of its first pixel
  std::optional<std::array<double, 6>> orientation;  ///< unit vectors along a row and down a column
  std::array<double, 2> spacing_mm = {0, 0};         ///< of rows, of columns; 0: not said
  double thickness_mm = 0;                           ///< or the distance of slices; 0: not said
  std::int64_t instance = 0;
};

/// The indices in the order along the normal of the slices, then by their numbers; by these alone where some slice does
/// not say its place, or slices are not parallel.
std::vector<std::size_t> order_of_slices(const std::vector<SlicePlace>& slices);

/// None where nothing is said. `doubt`: why the slices have no affine though they say their places.
std::optional<ImageGeometry> geometry_of_slices(const std::vector<SlicePlace>& slices, const Shape& size,
                                                std::string& doubt);

}  // namespace recon
