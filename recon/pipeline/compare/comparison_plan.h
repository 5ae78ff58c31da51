#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "priors/networks/precision.h"
#include "recon/config/config.h"
#include "recon/core/memory_budget.h"
#include "recon/core/parameters.h"
#include "recon/pipeline/items/input_plan.h"
#include "recon/pipeline/items/item_source.h"
#include "recon/pipeline/items/simulation.h"
#include "recon/pipeline/solve/solving_options.h"

namespace recon {

/// How much every solver may spend; both absent: as configured.
///
/// A solver that calls the prior and has an option `steps` gets as many steps as fit: two short solves of the task's
/// first item say what a step costs. Solvers without a prior run as configured, to their own stopping rule.
struct BudgetOptions {
  std::optional<double> nfe;      ///< network passes per sample, forward and backward ones together
  std::optional<double> seconds;  ///< per item, all samples together

  void visit(ParameterVisitor& v);
  bool empty() const { return !nfe && !seconds; }
};

/// The top level of a compare config, besides `tasks`, `solvers`, `budget` and the keys of a single task.
struct ComparisonOptions {
  std::string title;
  std::string prior = "auto";
  std::optional<Precision> precision = Precision::float32;  ///< none: auto, see precision_choice.h
  MemoryBudget memory;
  std::int64_t samples = 1;
  bool antithetic = true;
  std::string output = "comparison";
  std::int64_t seed = 0;
  std::int64_t trace_every = 1;

  void visit(ParameterVisitor& v);
};

/// One set of measurements on which the solvers are compared: a file, or images to simulate from.
struct TaskPlan {
  std::string name;
  std::optional<InputPlan> input;
  std::optional<SimulationPlan> simulation;
  std::vector<std::string> items = {"all"};
  ItemOptions item_options;
};

struct ComparedSolver {
  NamedSolver solver;  ///< without a solver for `auto`: settled for each task
  std::int64_t samples = 1;
  bool antithetic = true;               ///< how they are drawn
  std::string oracle = {};              ///< the option to be chosen by the ground truth; empty: none
  std::string calibration = {};         ///< of `recon calibrate`, a path; empty: none
  nlohmann::ordered_json options = {};  ///< of the solver, resolved
  std::string prior = {};               ///< in place of the plan's; empty: that
  std::string taken = {};               ///< once `auto` is settled: what was taken, and why

  bool may_need_prior() const { return solver.solver == nullptr || solver.traits.needs_prior; }
};

/// A compare config, read and checked.
struct ComparisonPlan {
  ComparisonOptions options;
  BudgetOptions budget;
  std::vector<TaskPlan> tasks;
  std::vector<ComparedSolver> solvers;
  std::filesystem::path output;  ///< a folder; starts at the working directory
  std::string prior;             ///< name, or a path that starts at the config's folder
  nlohmann::ordered_json resolved;

  /// The solver's own prior, or the plan's.
  const std::string& prior_of(const ComparedSolver& compared) const {
    return compared.prior.empty() ? prior : compared.prior;
  }
};

/// `seed` takes the place of the config's and of every simulation's. Throws Error(usage) with file:line.
ComparisonPlan read_comparison_plan(const Config& config, std::optional<std::uint64_t> seed);

}  // namespace recon
