#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace recon {

/// Size of a pixel along W and H and the distance of the slices, in mm.
using VoxelSize = std::array<double, 3>;

/// Where the pixels of a stack of slices [N, H, W] lie, as the file says that they came from.
struct ImageGeometry {
  VoxelSize voxel_mm = {1, 1, 1};
  /// Rows of a 3 x 4 matrix: (column, row, slice, 1) -> mm to the right, to the front, upwards of a patient (NIfTI's
  /// axes). None: the file says nothing of orientation.
  std::optional<std::array<double, 12>> affine = {};
  std::int64_t space =
      1;  ///< what the affine leads to, by NIfTI's sform code: 1 scanner, 2 aligned, 3 Talairach, 4 MNI
  std::int64_t height = 0, width = 0;  ///< of the grid that this is said of; 0: of any
  std::int64_t slices = 0;             ///< of one volume, where a stack is several one after the other; 0: all are one
  double frame_s = 0;                  ///< from one volume to the next, in seconds; 0: not said
};

/// The same field of view in `height` x `width` pixels: of an image that is larger or smaller than what was measured.
ImageGeometry on_grid(ImageGeometry geometry, std::int64_t height, std::int64_t width);

/// Of the slices `indices` alone: the first of them is where it was. Slices that are not equally far apart, or of
/// several volumes, have no affine, and the distance of slices that the file says.
ImageGeometry of_slices(ImageGeometry geometry, const std::vector<std::int64_t>& indices);

}  // namespace recon
