#pragma once

#include <string>
#include <utility>
#include <vector>

#include "data/result_file.h"
#include "recon/pipeline/solve/method_result.h"

namespace recon {

/// What one method makes of item after item, as the columns of a result file: the only place where results become
/// columns. A tensor that no item has stays undefined, a metric that no item knows is left out; an item that lacks what
/// others have (it failed, say) has NaN there.
class ResultColumns {
 public:
  struct Options {
    bool keep_samples = false;
    std::string device = {};  ///< what computes, to be recorded with the errors; empty: neither is
  };
  /// `image`: what a reconstruction is when no item has one.
  ResultColumns(std::string solver, TensorSpec image, Options options)
      : solver_(std::move(solver)), image_(std::move(image)), options_(std::move(options)) {}

  const std::string& solver() const { return solver_; }
  void add(const ItemOutcome& outcome);
  SolverResults results() const;

 private:
  using Column = std::vector<at::Tensor>;
  void add_trace(const Report& report);
  void store_images(SolverResults& results) const;
  void store_trace(SolverResults& results) const;

  std::string solver_;
  TensorSpec image_;
  Options options_;
  Column x_, std_, samples_, quantiles_, prior_part_, anomaly_, chi2_maps_, traces_;
  std::vector<ResultRow> rows_;
  std::vector<double> trace_steps_, trace_sigmas_;  ///< of the longest trace
};

/// Mean chi² of the batch entries per traced step.
std::vector<double> mean_trace(const Report& report);

}  // namespace recon
