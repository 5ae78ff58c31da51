#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/image_geometry.h"

// Private to data: what the description of a TIFF file says of its pages.
namespace recon {

/// Which page holds which plane of a stack of microscopy.
struct TiffPlanes {
  std::int64_t channels = 1, slices = 1, frames = 1;  ///< planes along c, z and t
  std::int64_t width = 0, height = 0;                 ///< 0: not said
  std::vector<std::string> names;                     ///< of the channels: "DAPI", or "0", "1", ...
  std::vector<std::int64_t> pages;                    ///< of plane (c frames + t) slices + z; -1: it is not there
  std::optional<VoxelSize> voxel_mm;
  double frame_s = 0;              ///< from one point in time to the next; 0: not said
  std::optional<int> bits;         ///< that the values use, where it says so
  std::string source = "OME-XML";  ///< who says it
};

/// By the ImageDescription of the first page: OME-XML (schema 2016-06, https://docs.openmicroscopy.org/ome-model) of
/// which the first image is taken, or ImageJ's lines. None: it says nothing of planes. Throws Error(data) at `path` for
/// sizes that contradict each other and planes that lie in other files.
std::optional<TiffPlanes> tiff_planes(const std::string& description, std::int64_t pages, const std::string& path);

}  // namespace recon
