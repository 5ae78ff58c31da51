#pragma once

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <ismrmrd/dataset.h>

#include <cstring>
#include <string>
#include <vector>

namespace recon::testing_data {

/// What differs between the headers of tests.
struct MrdHeader {
  int rows = 32, columns = 16, partitions = 1;
  double row_share = 1, column_share = 1, partition_share = 1;  ///< of the encoded field of view that is wanted
  std::string limits = {};                                      ///< inside of encodingLimits
  std::string calibration_mode = {};                            ///< empty: no parallelImaging
  std::string trajectory = "cartesian";

  std::string xml() const { return xml_of_encodings(encoding()); }
  std::string encoding() const {
    const std::string parallel =
        calibration_mode.empty()
            ? ""
            : fmt::format(
                  "<parallelImaging><accelerationFactor><kspace_encoding_step_1>2</kspace_encoding_step_1>"
                  "<kspace_encoding_step_2>1</kspace_encoding_step_2></accelerationFactor>"
                  "<calibrationMode>{}</calibrationMode></parallelImaging>",
                  calibration_mode);
    const auto space = [](const char* name, double x, double y, double z, double mm_x, double mm_y, double mm_z) {
      return fmt::format(
          "<{0}><matrixSize><x>{1:.0f}</x><y>{2:.0f}</y><z>{3:.0f}</z></matrixSize><fieldOfView_mm><x>{4}</x><y>{5}</y>"
          "<z>{6}</z></fieldOfView_mm></{0}>",
          name, x, y, z, mm_x, mm_y, mm_z);
    };
    return "<encoding>" + space("encodedSpace", rows, columns, partitions, 256, 256, 64) +
           space("reconSpace", rows * row_share, columns * column_share, partitions * partition_share, 256 * row_share,
                 256 * column_share, 64 * partition_share) +
           "<encodingLimits>" + limits + "</encodingLimits><trajectory>" + trajectory + "</trajectory>" + parallel +
           "</encoding>";
  }
  static std::string xml_of_encodings(const std::string& encodings) {
    return R"(<?xml version="1.0"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><experimentalConditions>)"
           "<H1resonanceFrequency_Hz>1</H1resonanceFrequency_Hz></experimentalConditions>" +
           encodings + "</ismrmrdHeader>";
  }
  static std::string limit(const char* step, int maximum, int centre) {
    return fmt::format("<{0}><minimum>0</minimum><maximum>{1}</maximum><center>{2}</center></{0}>", step, maximum,
                       centre);
  }
};

/// One acquisition to be written; `samples` [coils, n] as they are stored.
struct MrdLine {
  at::Tensor samples;
  int centre = 0, step = 0, partition = 0, slice = 0, contrast = 0, repetition = 0, average = 0, encoding = 0;
  std::vector<int> flags = {};
  float dwell_us = 5;
  at::Tensor positions = {};  ///< [n, dimensions], as they are stored; undefined: on the header's grid
};

inline void append(ISMRMRD::Dataset& file, const MrdLine& line) {
  const auto dimensions = line.positions.defined() ? line.positions.size(1) : 0;
  ISMRMRD::Acquisition acquisition(static_cast<std::uint16_t>(line.samples.size(1)),
                                   static_cast<std::uint16_t>(line.samples.size(0)),
                                   static_cast<std::uint16_t>(dimensions));
  if (dimensions > 0) {
    const at::Tensor stored = line.positions.to(at::kFloat).contiguous();
    std::memcpy(acquisition.getTrajPtr(), stored.const_data_ptr(), stored.nbytes());
  }
  const at::Tensor values = line.samples.to(at::kComplexFloat).contiguous();
  std::memcpy(acquisition.getDataPtr(), values.const_data_ptr(), values.nbytes());
  const auto number = [](int value) { return static_cast<std::uint16_t>(value); };
  acquisition.center_sample() = number(line.centre);
  acquisition.encoding_space_ref() = number(line.encoding);
  acquisition.idx().kspace_encode_step_1 = number(line.step);
  acquisition.idx().kspace_encode_step_2 = number(line.partition);
  acquisition.idx().slice = number(line.slice);
  acquisition.idx().contrast = number(line.contrast);
  acquisition.idx().repetition = number(line.repetition);
  acquisition.idx().average = number(line.average);
  for (const int flag : line.flags) acquisition.setFlag(static_cast<ISMRMRD::ISMRMRD_AcquisitionFlags>(flag));
  ISMRMRD::AcquisitionHeader head = acquisition.getHead();
  head.sample_time_us = line.dwell_us;  // not by sample_time_us(): the structure is packed, its floats are not aligned
  acquisition.setHead(head);
  file.appendAcquisition(acquisition);
}

inline void write_mrd(const std::string& path, const std::string& xml, const std::vector<MrdLine>& lines,
                      const std::string& group = "dataset") {
  ISMRMRD::Dataset file(path.c_str(), group.c_str(), true);
  file.writeHeader(xml);
  for (const MrdLine& line : lines) append(file, line);
}

}  // namespace recon::testing_data
