#pragma once

#include <optional>

#include "data/ismrmrd_header.h"
#include "data/ismrmrd_raw.h"
#include "data/kspace_set.h"

// Private to data.
namespace recon {

/// Where lines lie on the encoded grid, whose zero frequency is at half of each extent.
struct IsmrmrdPlacement {
  ReadoutCentre readout = ReadoutCentre::stated;
  std::int64_t phase_centre = 0, partition_centre = 0;
  bool volume = false;  ///< lines of several partitions: 3-D
  std::vector<std::string> notes;

  std::int64_t first_row(const Readout& head, std::int64_t rows) const;  ///< of its first kept sample
};

/// Decides from the options, then the encoding limits, the calibration flags and the energy, in this order. Throws
/// Error(data) naming the option where the header contradicts the data: the zero frequency has the most energy of an
/// image, or nearly so.
IsmrmrdPlacement place_lines(const std::vector<const Acquisition*>& imaging,
                             const std::vector<const Acquisition*>& calibration, const IsmrmrdEncoding& encoding,
                             const KspaceOptions& options, const std::string& path);

}  // namespace recon
