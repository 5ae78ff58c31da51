#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "data/kspace_set.h"
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
  KspaceOptions reading;
  ImportOptions options;
  CoilEstimation estimation;
  bool undersample = false;
  SamplingPatternOptions undersampling;
  nlohmann::ordered_json resolved;

  void visit(ParameterVisitor& v);  ///< all options, those of the two sections included
};

/// Throws Error(usage) with the option's place.
ImportPlan read_import_plan(const Config& config);

}  // namespace recon
