#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "recon/config/config.h"
#include "recon/core/parameters.h"
#include "recon/pipeline/input_plan.h"
#include "recon/pipeline/item_source.h"
#include "recon/solvers/solver.h"

namespace recon {

/// The top level of a run config, besides `input`, `solver` and `baselines`.
struct RunOptions {
  std::vector<std::string> items = {"all"};
  std::string prior = "natural_gray";
  std::int64_t samples = 1;
  std::string output = "reconstruction.h5";
  std::string preview;
  std::int64_t preview_items = 4;
  std::int64_t seed = 0;
  std::optional<double> noise_std;
  bool estimate_noise = false;
  std::string complex_image = "none";
  std::string select = "mean";
  bool keep_samples = false;
  std::int64_t trace_every = 0;

  void visit(ParameterVisitor& v);
};

/// A solver under the name that its results go by: its type, "tv_pdhg_2" for the second of a type.
struct NamedSolver {
  std::string name;
  std::shared_ptr<Solver> solver;
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
  std::string place_of_complex_image, place_of_noise_std;
  nlohmann::ordered_json resolved;

  ItemOptions item_options() const;
};

/// Throws Error(usage) with file:line.
RunPlan read_run_plan(const Config& config);

/// The `type:` of the section names the solver, the other keys are its options.
std::shared_ptr<Solver> read_solver(ParameterVisitor& section, std::string& type);

}  // namespace recon
