#pragma once

#include <array>
#include <string>

#include "recon/core/tensor_spec.h"

namespace recon {

/// What of a result or samples file goes where.
struct ExportPlan {
  std::string source, output;                  ///< files; the output's ending chooses the format
  std::string what = "reconstructions";        ///< or std, or the name of a baseline; of samples files: samples
  std::array<double, 3> voxel_mm = {1, 1, 1};  ///< NIfTI: along width, height and slices
};

/// The images that were written: [slices, H, W].
struct ExportedImages {
  Shape shape;
  bool complex = false;
};

/// Writes images as NIfTI-1 (.nii, complex kept), TIFF pages (.tif, .tiff: float32, magnitudes) or a BART array (.cfl,
/// complex). Items and channels become slices. Throws Error(usage) for another ending or an unknown `what`, Error(data)
/// for a std that the result has not.
ExportedImages export_images(const ExportPlan& plan);

}  // namespace recon
