#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/image_geometry.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// What of a result or samples file goes where.
struct ExportPlan {
  std::string source, output;              ///< files; the output's ending chooses the format
  std::string what = "reconstructions";    ///< or std, anomaly, or the name of a baseline; of samples files: samples
  bool overwrite = true;                   ///< files that are there are replaced, else refused
  std::optional<VoxelSize> voxel_mm = {};  ///< along width, height and slices; none: what the result says, or 1
};

/// The images that were written: [slices, H, W].
struct ExportedImages {
  std::vector<std::string> files;
  Shape shape;
  bool complex = false;
};

/// Writes images as the output's ending says (data/image_output.h). Throws Error(usage) for another ending or an
/// unknown `what`, Error(data) for a map that the result has not.
ExportedImages export_images(const ExportPlan& plan);

}  // namespace recon
