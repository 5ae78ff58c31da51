#pragma once

#include <optional>
#include <string>
#include <vector>

#include "recon/pipeline/batch/batch_plan.h"
#include "recon/pipeline/solve/item_runner.h"

namespace recon {

/// The items of a batch, read and ready to be solved.
struct LoadedBatch {
  std::size_t number = 0;
  std::vector<std::optional<PreparedItem>> items;  ///< nothing where an item could not be read
  std::vector<std::string> errors;                 ///< why; empty where it could
};

/// What became of one item: a result, or why there is none.
struct ItemOutcome {
  std::optional<MethodResult> result;
  std::string error;
};

/// Where the time of solving went, in seconds.
struct SolvingTime {
  double network = 0, operators = 0, solver = 0;  ///< solver: its own arithmetic
  double evaluation = 0;                          ///< metrics, chi², mean and std of the samples, their way to the CPU
};

/// Computes batches: the numbers depend on plan and inputs only.
class BatchSolver {
 public:
  BatchSolver(const BatchPlan& plan, BatchWork& work, PriorPtr prior, c10::Device device);

  /// Reads the batch. May run in a thread of its own, beside solve(). An item with bad data has its error; faults of
  /// the config are thrown.
  LoadedBatch load(std::size_t batch);
  /// Items that share their operator and need no whitening go through the solver together, the others one by one. An
  /// item with bad data, or whose solve is refused for its data, fails alone. `observer` hears the solver's steps.
  SolverResults solve(const LoadedBatch& batch, std::uint64_t seed, const ProgressObserver& observer);
  const SolvingTime& time() const { return time_; }

 private:
  std::vector<MethodResult> solve_group(const std::vector<PreparedItem>& group, const Controls& controls);
  SolverResults collected(const std::vector<ItemOutcome>& outcomes) const;

  const BatchPlan& plan_;
  BatchWork& work_;
  c10::Device device_;
  ItemRunner runner_;
  SolvingTime time_;
  std::size_t misfits_ = 0;
};

}  // namespace recon
