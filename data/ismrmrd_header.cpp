#include "data/ismrmrd_header.h"

#include <fmt/format.h>
#include <ismrmrd/xml.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <sstream>

#include "recon/core/error.h"

namespace recon {
namespace {

std::string system_text(const ISMRMRD::IsmrmrdHeader& header) {
  std::string text;
  const auto& system = header.acquisitionSystemInformation;
  if (system && system->systemVendor) text += *system->systemVendor + " ";
  if (system && system->systemModel) text += *system->systemModel + " ";
  if (system && system->systemFieldStrength_T) text += fmt::format("{:g} T ", *system->systemFieldStrength_T);
  const auto& measurement = header.measurementInformation;
  if (measurement && measurement->protocolName) text += *measurement->protocolName;
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text.empty() ? "system not stated" : text;
}

/// What libismrmrd prints on the standard output while it parses is no part of the program's: it is kept here.
class QuietStandardOutput {
 public:
  QuietStandardOutput() : before_(std::cout.rdbuf(text_.rdbuf())) {}
  ~QuietStandardOutput() { std::cout.rdbuf(before_); }
  QuietStandardOutput(const QuietStandardOutput&) = delete;
  QuietStandardOutput& operator=(const QuietStandardOutput&) = delete;

 private:
  std::ostringstream text_;
  std::streambuf* before_;
};

ISMRMRD::IsmrmrdHeader deserialized(const std::string& xml, const std::string& location) {
  ISMRMRD::IsmrmrdHeader header;
  try {
    const QuietStandardOutput quiet;
    ISMRMRD::deserialize(xml.c_str(), header);
  } catch (const std::exception& error) {
    throw data_error(location,
                     "expected an ISMRMRD header (XML) with matrixSize and fieldOfView_mm of the encoded and the recon "
                     "space, cannot parse it ({})",
                     error.what());
  }
  return header;
}

std::int64_t pixels_kept(std::int64_t encoded, float encoded_mm, float wanted_mm) {
  const double share = static_cast<double>(wanted_mm) / static_cast<double>(encoded_mm);
  if (!(share > 0) || !(share < 1)) return encoded;
  return std::max<std::int64_t>(1, std::llround(share * static_cast<double>(encoded)));
}

std::optional<std::int64_t> stated_centre(const ISMRMRD::Optional<ISMRMRD::Limit>& limit, std::int64_t steps) {
  if (!limit || (limit->maximum == 0 && steps > 1)) return std::nullopt;
  return limit->center;
}

IsmrmrdEncoding encoding_of(const ISMRMRD::Encoding& stated, const std::string& location) {
  const auto& encoded = stated.encodedSpace;
  const auto& wanted = stated.reconSpace;
  if (encoded.matrixSize.x < 1 || encoded.matrixSize.y < 1 || wanted.matrixSize.x < 1) {
    throw data_error(location, "the ISMRMRD header has an empty matrix: encoded {} x {}, wanted {}",
                     encoded.matrixSize.x, encoded.matrixSize.y, wanted.matrixSize.x);
  }
  const auto& from = encoded.fieldOfView_mm;
  const auto& to = wanted.fieldOfView_mm;
  IsmrmrdEncoding encoding;
  encoding.rows = encoded.matrixSize.x;
  encoding.columns = encoded.matrixSize.y;
  encoding.partitions = std::max<std::int64_t>(1, encoded.matrixSize.z);
  encoding.kept_rows = pixels_kept(encoding.rows, from.x, to.x);
  encoding.kept_columns = pixels_kept(encoding.columns, from.y, to.y);
  encoding.kept_partitions = pixels_kept(encoding.partitions, from.z, to.z);
  encoding.phase_centre = stated_centre(stated.encodingLimits.kspace_encoding_step_1, encoding.columns);
  encoding.partition_centre = stated_centre(stated.encodingLimits.kspace_encoding_step_2, encoding.partitions);
  encoding.cartesian = stated.trajectory == ISMRMRD::TrajectoryType::CARTESIAN;
  if (stated.parallelImaging && stated.parallelImaging->calibrationMode) {
    const std::string& mode = *stated.parallelImaging->calibrationMode;
    encoding.calibration_is_imaging = mode == "embedded" || mode == "interleaved";
  }
  encoding.row_mm = static_cast<double>(from.x);
  encoding.column_mm = static_cast<double>(from.y);
  return encoding;
}

}  // namespace

IsmrmrdHeader parse_ismrmrd_header(const std::string& xml, const std::string& location) {
  const ISMRMRD::IsmrmrdHeader stated = deserialized(xml, location);
  if (stated.encoding.empty()) throw data_error(location, "the ISMRMRD header has no `encoding`");
  IsmrmrdHeader header;
  for (const auto& encoding : stated.encoding) header.encodings.push_back(encoding_of(encoding, location));
  const auto& system = stated.acquisitionSystemInformation;
  if (system && system->relativeReceiverNoiseBandwidth && *system->relativeReceiverNoiseBandwidth > 0) {
    header.noise_bandwidth = static_cast<double>(*system->relativeReceiverNoiseBandwidth);
  }
  header.system = system_text(stated);
  return header;
}

}  // namespace recon
