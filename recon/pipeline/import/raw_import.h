#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "data/kspace_file.h"
#include "data/measurement_file.h"
#include "operators/fourier/sampling_patterns.h"
#include "operators/mri/coil_estimation.h"
#include "recon/config/config.h"
#include "recon/core/parameters.h"

namespace recon {

/// The options of `recon import`, besides the sections `estimation` and `undersampling`.
struct ImportOptions {
  std::string noise = "auto";
  std::int64_t coils = 0;
  bool keep_oversampling = false;
  std::string coil_maps = "espirit";
  std::string maps_file;

  void visit(ParameterVisitor& v);
};

/// How raw k-space becomes a measurement file.
struct ImportPlan {
  ImportOptions options;
  CoilEstimation estimation;
  bool undersample = false;
  SamplingPatternOptions undersampling;
  nlohmann::ordered_json resolved;

  void visit(ParameterVisitor& v);  ///< all options, those of the two sections included
};

/// Throws Error(usage) with the option's place.
ImportPlan read_import_plan(const Config& config);

/// Raw multi-coil k-space as measurements of the operator `sense`, one item per slice:
///
/// 1. the readout's oversampling is taken away (where readouts are complete);
/// 2. the coils are whitened by the noise scan or the corners of k-space: noise of one level on all (channels.h);
/// 3. they are compressed to `coils` virtual ones by the calibration data of all slices;
/// 4. every number is divided so that 1 is the 99.9 % quantile of the calibration centres' root sum of squares: the
///    image range is [0, 1] whatever the scanner's units;
/// 5. coil maps are estimated in every slice, or left to be at reconstruction (`coil_maps: later`), or read;
/// 6. fully sampled data give a ground truth, S^H F^H y / sum |S|², and may then be undersampled.
MeasurementSet import_kspace(const KspaceSet& source, const ImportPlan& plan, const std::string& place);

/// A raw data file, read, and the measurement file that was made of it.
struct ImportResult {
  KspaceSet source;
  MeasurementSet set;
};
/// Reads `source`, imports it and writes the measurement file `output`. Throws Error(usage) when both are one file.
ImportResult import_file(const std::string& source, const std::string& output, const ImportPlan& plan);

/// What `recon inspect` says of a raw data file.
nlohmann::ordered_json describe_kspace(const KspaceSet& set);

}  // namespace recon
