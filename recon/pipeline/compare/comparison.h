#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "recon/core/run_controls.h"
#include "recon/pipeline/compare/comparison_plan.h"
#include "recon/pipeline/solve/method_result.h"

namespace recon {

/// One line of the comparison: what one solver made of one item of one task. Status "failed" and "not_applicable" (the
/// solver has no use for such an operator) come with the error.
struct ComparisonRow {
  std::string task;
  ResultRow result;
  std::string note = {};  ///< what the ground truth was used for, where it was
};

/// How many steps a solver got on a task under a budget; `steps` 0: it ran as configured, `note` says why.
struct BudgetChoice {
  std::string task, solver;
  std::int64_t steps = 0;
  std::string note;
};

/// What one solver made of an item.
struct ComparedResult {
  std::string solver;
  ItemOutcome outcome;
  std::string error() const;  ///< its first line; empty with a result
};

/// The files of a comparison, in the folder that the plan names.
struct ComparisonFiles {
  std::string report, csv, json;
};

/// What a name in the rows stands for.
struct ComparedMethod {
  std::string type;          ///< of solver: "dps"
  bool needs_prior = false;  ///< or may, as `auto`
  bool knows_truth = false;  ///< `oracle`: what could be, not a result
};

struct ComparisonResult {
  std::vector<ComparisonRow> rows;
  std::map<std::string, ComparedMethod> solvers;  ///< by name; not those of single samples
  std::vector<BudgetChoice> budgets;
  std::size_t failed = 0;         ///< rows that failed or diverged
  std::size_t misfits = 0;        ///< results that the data contradict
  std::size_t reconstructed = 0;  ///< solves that came to an end
  bool interrupted = false;
  std::set<std::string> priors;             ///< that solvers had, by name or path
  std::map<std::string, std::string> data;  ///< hash of what each task measured; of files, not of simulations
  ComparisonFiles files;
};

/// Runs every solver on every item of every task: task by task, a task's items one by one, each with all solvers, so
/// that only one task's measurements are in memory. Then writes report.html, results.csv and results.json.
///
/// A solver that has no use for an operator, or that diverges, is a row with its reason and the others go on. An item's
/// numbers do not depend on what else is compared. A task whose measurements cannot be read is a row without a solver;
/// when nothing at all could be reconstructed for such a reason, the first fault is thrown.
ComparisonResult run_comparison(ComparisonPlan& plan, const RunControls& controls);

}  // namespace recon
