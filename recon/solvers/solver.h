#pragma once

#include "priors/prior.h"
#include "recon/core/parameters.h"
#include "recon/solvers/problem.h"

namespace recon {

class SolverContext;

/// A reconstruction algorithm. Its options are public members of the subclass, described by visit().
///
/// The base checks the problem, times, counts, traces and judges; a subclass writes one `run` against SolverContext
/// (recon/solvers/context.h).
class Solver {
 public:
  virtual ~Solver() = default;
  virtual void visit(ParameterVisitor& options) = 0;

  /// Checks the problem, runs the loop and measures. `prior` may be null for solvers that need none. Entries go through
  /// the loop together as far as they fit into memory (micro_batches.h).
  ///
  /// Throws Error(data) naming the index when y holds NaN or infinity, or has not the operator's range as its shape;
  /// Error(usage) when the prior is missing, when its channels or size do not fit the image, or when the solver cannot
  /// treat this operator (naming alternatives); Error(internal) when the lists of the batch differ in length;
  /// OutOfMemory when a single entry does not fit.
  Report solve(const Problem& problem, const Prior* prior, const Controls& controls) const;

 private:
  Report solve_together(const Problem& problem, const Prior* prior, const Controls& controls) const;
  /// The estimate `[batch, C, H, W]`; no graph is recorded around it.
  virtual at::Tensor run(SolverContext& context) const = 0;
  /// Of a solver whose number of steps depends on the entry: that of each, `[batch]`. Only entries of equal numbers go
  /// through the loop together. Empty: all take as many.
  virtual std::vector<std::int64_t> steps_of_entries(SolverContext&) const { return {}; }
};

}  // namespace recon
