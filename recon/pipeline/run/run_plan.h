#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "recon/config/config.h"
#include "recon/core/parameters.h"
#include "recon/pipeline/items/input_plan.h"
#include "recon/pipeline/solve/solving_options.h"

namespace recon {

/// The top level of a run config, besides `input`, `solver` and `baselines`.
struct RunOptions : ReconstructionOptions {
  std::string output = "reconstruction.h5";
  std::string preview;
  std::int64_t preview_items = 4;
  std::int64_t trace_every = 0;

  void visit(ParameterVisitor& v);
};

/// A run config, read and checked.
struct RunPlan {
  RunOptions options;
  NamedSolver main;
  std::vector<NamedSolver> baselines;
  InputPlan input;
  std::filesystem::path output;   ///< starts at the working directory
  std::filesystem::path preview;  ///< likewise; empty: none
  std::string prior;              ///< name, or a path (given with a '/') that starts at the config's folder
  std::string calibration;  ///< a path that starts at the config's folder; empty: none
  ItemOptions item_options;
  nlohmann::ordered_json resolved;
};

/// `seed` takes the place of the config's. Throws Error(usage) with file:line.
RunPlan read_run_plan(const Config& config, std::optional<std::uint64_t> seed);

}  // namespace recon
