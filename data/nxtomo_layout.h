#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/hdf5/hdf5_file.h"

// Private to data: where the parts of an NXtomo scan lie in its file.
namespace recon {

/// Paths of groups that hold a scan: instrument/DETECTOR with data and image_key, and sample/rotation_angle.
std::vector<std::string> nxtomo_entries(const hdf5::File& file);

/// What a scan is made of, checked against each other.
struct NxTomoLayout {
  hdf5::Dataset counts;            ///< [frame, y, x]
  std::vector<std::int64_t> keys;  ///< of each frame
  std::vector<double> angles_deg;  ///< likewise
  std::optional<std::array<double, 2>> pixel_mm;
  std::optional<double> axis_px;  ///< x_rotation_axis_pixel_position

  std::vector<double> angles_deg_of(const std::vector<std::int64_t>& frames) const;
};
/// Throws Error(data) for what is missing or of another shape.
NxTomoLayout nxtomo_layout(const hdf5::File& file, const std::string& entry);

}  // namespace recon
