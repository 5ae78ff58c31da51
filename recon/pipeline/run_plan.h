#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "recon/config/config.h"
#include "recon/config/yaml_options.h"
#include "recon/core/parameters.h"
#include "recon/pipeline/input_plan.h"
#include "recon/pipeline/item_source.h"
#include "recon/solvers/solver.h"

namespace recon {

/// What a run config and a batch config say of how items are solved, besides `input` and `solver`.
struct SolvingOptions {
  std::vector<std::string> items = {"all"};
  std::string prior = "natural_gray";
  std::int64_t samples = 1;
  std::int64_t seed = 0;
  std::optional<double> noise_std;
  bool estimate_noise = false;
  std::string complex_image = "none";
  std::string select = "mean";
  bool keep_samples = false;

  void visit(ParameterVisitor& v);
};

/// The top level of a run config, besides `input`, `solver` and `baselines`.
struct RunOptions : SolvingOptions {
  std::string output = "reconstruction.h5";
  std::string preview;
  std::int64_t preview_items = 4;
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
  ItemOptions item_options;
  nlohmann::ordered_json resolved;
};

/// Throws Error(usage) with file:line.
RunPlan read_run_plan(const Config& config);

/// The solver of the section `solver`; the default one when there is none. `taken` holds the names in use.
NamedSolver read_main_solver(YamlOptions& options, std::set<std::string>& taken);
/// What `options`, read from that config, ask of the items. Throws Error(usage) for two sources of the noise level.
ItemOptions item_options_of(const SolvingOptions& options, const YamlOptions& config);
/// The config's prior: a name, or a path that starts at the config's folder when it has a '/'.
std::string prior_of(const SolvingOptions& options, const YamlOptions& config);

/// The `type:` of the section names the solver, the other keys are its options.
std::shared_ptr<Solver> read_solver(ParameterVisitor& section, std::string& type);

}  // namespace recon
