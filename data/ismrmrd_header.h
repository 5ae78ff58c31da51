#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// Private to data: libismrmrd stays behind this header.
namespace recon {

/// One encoding space of an ISMRMRD header. Rows are the readout, columns the first, partitions the second phase
/// encoding.
struct IsmrmrdEncoding {
  std::int64_t rows = 1, columns = 1, partitions = 1;                 ///< of the encoded matrix
  std::int64_t kept_rows = 1, kept_columns = 1, kept_partitions = 1;  ///< pixels within the recon space's field of view
  std::optional<std::int64_t> phase_centre, partition_centre;         ///< steps of the zero frequency, where stated
  bool cartesian = true;
  bool calibration_is_imaging = false;  ///< calibrationMode embedded or interleaved: such lines belong to the image
  double row_mm = 0, column_mm = 0;     ///< the encoded field of view
};

struct IsmrmrdHeader {
  std::vector<IsmrmrdEncoding> encodings;  ///< at least one
  double noise_bandwidth = 1;              ///< of the receiver relative to 1 / dwell time
  std::string system;                      ///< vendor, field, protocol; for people
};

/// A field of view that the recon space does not state or that is not smaller keeps all pixels. Limits whose maximum is
/// 0 for several steps are taken as not stated. Throws Error(data) naming `location` for what is no ISMRMRD header.
IsmrmrdHeader parse_ismrmrd_header(const std::string& xml, const std::string& location);

}  // namespace recon
