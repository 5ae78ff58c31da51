#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "recon/core/parameters.h"
#include "recon/core/words.h"

namespace recon {

/// What `centre_sample` of a header means: the sample of the zero frequency as stored (ISMRMRD's definition), the one
/// after reversed readouts are turned round (as some converters write it), or nothing, then the middle is taken.
enum class ReadoutCentre { stated, after_reversal, middle };
constexpr auto words_of(ReadoutCentre) {
  using enum ReadoutCentre;
  return std::to_array<Word<ReadoutCentre>>(
      {{stated, "stated"}, {after_reversal, "after_reversal"}, {middle, "middle"}});
}

/// What lines flagged as calibration only are used for.
enum class CalibrationUse { maps, image };
constexpr auto words_of(CalibrationUse) {
  using enum CalibrationUse;
  return std::to_array<Word<CalibrationUse>>({{maps, "maps"}, {image, "image"}});
}

/// What the numbers of a trajectory count, all along the readout and the phase encoding of the encoded matrix.
enum class TrajectoryUnits { cycles_per_pixel, cycles_per_field_of_view, radians_per_pixel, cycles_per_metre };
constexpr auto words_of(TrajectoryUnits) {
  using enum TrajectoryUnits;
  return std::to_array<Word<TrajectoryUnits>>({{cycles_per_pixel, "cycles_per_pixel"},
                                               {cycles_per_field_of_view, "cycles_per_field_of_view"},
                                               {radians_per_pixel, "radians_per_pixel"},
                                               {cycles_per_metre, "cycles_per_metre"}});
}

/// How an ISMRMRD file is read where its header can be doubted.
struct KspaceOptions {
  std::int64_t encoding = -1;                       ///< encoding space; -1: the first that has imaging lines
  std::int64_t phase_centre = -1;                   ///< phase encoding step of the zero frequency; -1: found
  std::optional<ReadoutCentre> centre_sample = {};  ///< none: stated, unless the data fit another far better
  std::optional<CalibrationUse> calibration = {};   ///< none: as the header says
  std::optional<TrajectoryUnits> trajectory = {};   ///< none: as the largest number suggests

  void visit(ParameterVisitor& v);
};

/// What some of the acquisitions of a file are for.
struct KspacePart {
  std::string what;  ///< "imaging", "noise", "navigation", ...
  std::int64_t lines = 0;
  std::string used_for;
};

/// Raw multi-coil k-space of two-dimensional slices, as scanners' and other programs' files hold it: Cartesian, or
/// samples at `positions` (then kspace is [N, coils, samples], and neither averages nor calibration are there).
struct KspaceSet {
  std::string format;            ///< "ISMRMRD", "fastMRI", "BART"
  std::vector<std::string> ids;  ///< one per item: slices, repetitions, ...
  at::Tensor kspace;  ///< [N, coils, H, W] complex64, zero frequency at [H/2, W/2], readout along H; 0: unsampled
  at::Tensor noise;   ///< noise scan [coils, n] complex64 of the level of one measurement; undefined without one
  at::Tensor averages = {};     ///< float [N, H, W]: of how many measurements each sample is the mean, their dwell time
                                ///< relative to the first's included; 0: unsampled. Undefined: of one, all of them
  at::Tensor calibration = {};  ///< [N, coils, H, W]: lines for coil maps only, 0 where there are none; or undefined
  at::Tensor positions = {};    ///< float64 [N, samples, 2]: row, column in cycles per field of view of `matrix`
  std::vector<std::int64_t> matrix = {};   ///< {H, W} that positions refer to
  std::vector<std::int64_t> anatomy = {};  ///< items of one number differ in time only, and may share coil maps
  std::int64_t readout = 0;                ///< pixels along H of the field of view to keep, centred; 0 or H: all
  std::int64_t phase = 0;                  ///< the same along W
  std::string description = {};            ///< free text: system, protocol, what was averaged and left out
  std::vector<KspacePart> parts = {};      ///< ISMRMRD: what the acquisitions are for
  std::vector<std::string> notes = {};     ///< what was decided in reading, one sentence each
};

}  // namespace recon
