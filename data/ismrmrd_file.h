#pragma once

#include <cstdint>
#include <string>

#include "data/kspace_set.h"

// Private to data: libismrmrd stays behind this header.
namespace recon {

/// What the XML header of a raw data file says that matters here.
struct IsmrmrdGeometry {
  std::int64_t encoded_rows = 1, encoded_columns = 1,
               encoded_partitions = 1;  ///< of k-space: readout, phase, second phase
  std::int64_t readout = 0;             ///< pixels of the readout's field of view without oversampling
  std::int64_t phase_centre = 0;        ///< the phase encoding step of the zero frequency
  double noise_bandwidth = 1;           ///< of the receiver relative to 1 / dwell time
  bool cartesian = true;
  std::string system;  ///< vendor, field, protocol; for people
};

/// Throws Error(data) naming `location` for what is no ISMRMRD header.
IsmrmrdGeometry parse_ismrmrd_header(const std::string& xml, const std::string& location);

/// Sorts the acquisitions of an ISMRMRD file into slices. An item is one (slice, contrast, phase, repetition, set);
/// averages are averaged and parallel-imaging calibration lines are used like all others; navigator, phase correction
/// and dummy acquisitions are left out. Readouts are placed by their centre sample, phase encodings by the encoding
/// limits' centre. The noise scan is scaled to the bandwidth of the data (dwell times, and the receiver's bandwidth).
///
/// libismrmrd 1.8 trusts the sizes in a file, so it reads in a child process (data/hdf5/isolated.h): a file that
/// crashes it is one Error(data).
KspaceSet read_ismrmrd(const std::string& path);

}  // namespace recon
