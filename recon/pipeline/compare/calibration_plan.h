#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "recon/config/config.h"
#include "recon/core/parameters.h"
#include "recon/pipeline/items/input_plan.h"
#include "recon/pipeline/solve/solving_options.h"

namespace recon {

/// The top level of a calibrate config, besides `input` and `solver`.
struct CalibrationOptions : SolvingOptions {
  CalibrationOptions() { samples = 8; }
  double miss = 0.1;
  double confidence = 0.95;
  std::string output = "calibration.h5";
  std::string plot;

  void visit(ParameterVisitor& v);
};

/// A calibrate config, read and checked.
struct CalibrationPlan {
  CalibrationOptions options;
  NamedSolver main;
  InputPlan input;
  std::filesystem::path output, plot;  ///< start at the working directory; `plot` empty: none
  std::string prior;                   ///< name, or a path (given with a '/') that starts at the config's folder
  ItemOptions item_options;
  std::string location_of_samples;
  nlohmann::ordered_json resolved;
};

/// `seed` takes the place of the config's. Throws Error(usage) with file:line.
CalibrationPlan read_calibration_plan(const Config& config, std::optional<std::uint64_t> seed);

}  // namespace recon
