#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "operators/operator.h"
#include "priors/prior.h"
#include "recon/core/parameters.h"
#include "recon/core/progress.h"
#include "recon/core/rng.h"

namespace recon {

/// What is to be solved: y = A(x) + n, n ~ N(0, noise_std²) per real component, in the units of the prior.
///
/// A batch holds several measurements and/or several samples of one measurement; `keys` says which is which, and an
/// entry's result depends on its own key, y and noise_std only. Poisson data arrive here whitened (see
/// recon/pipeline/units.h), so every solver serves every noise model.
struct Problem {
  OperatorPtr op;                      ///< on images `[C, H, W]`
  at::Tensor y;                        ///< `[batch, range...]`
  std::vector<double> noise_std;       ///< `[batch]`; 0 = noise-free
  std::vector<StreamKey> keys;         ///< `[batch]`
  TensorSpec image;                    ///< op->domain()

  std::int64_t batch() const { return y.size(0); }
};

enum class Outcome { converged, finished, stopped_early, diverged };
std::string to_string(Outcome outcome);

/// One line of a solver's diary.
struct TraceEntry {
  std::int64_t step = 0;
  double relative_sigma = 0;           ///< 0 for classical solvers
  std::vector<double> chi2;            ///< per batch entry, of the current estimate
};

struct Report {
  at::Tensor x;                        ///< `[batch, C, H, W]`
  std::vector<Outcome> outcomes;       ///< per batch entry
  std::vector<double> chi2;            ///< ||y - A x||² / (m noise_std²); NaN where noise_std = 0
  std::int64_t nfe_forward = 0;        ///< network passes of the batch, counted per entry (all entries see the same)
  std::int64_t nfe_backward = 0;
  double seconds = 0;
  double seconds_network_forward = 0, seconds_network_backward = 0, seconds_operator = 0;
  double peak_mib = 0;                 ///< peak memory of the process (CPU) or of the allocator (GPU) during the solve
  double parameter = 0;                ///< the regularisation weight found, where one is searched for
  std::vector<TraceEntry> trace;
};

struct Controls {
  std::uint64_t seed = 0;
  ProgressObserver observer;
  const CancellationToken* cancellation = nullptr;
  std::int64_t trace_every = 0;        ///< 0: no trace
};

/// A reconstruction algorithm. Its options are public members of the subclass, described by visit().
class Solver {
 public:
  virtual ~Solver() = default;
  virtual void visit(ParameterVisitor& options) = 0;
  virtual bool needs_prior() const = 0;
  /// True for solvers whose result is one random draw from (an approximation of) the posterior.
  virtual bool is_sampler() const = 0;

  /// Checks the problem (shapes, finiteness), runs the loop and measures. `prior` may be null for solvers that need
  /// none. Throws Error(usage) when the solver cannot treat this operator, naming alternatives.
  Report solve(const Problem& problem, const Prior* prior, const Controls& controls) const;

 private:
  class Loop;
  friend class SolverContext;
  virtual at::Tensor run(class SolverContext& context) const = 0;
};

struct SolverKind {
  std::string name;
  std::string summary;
  std::function<std::unique_ptr<Solver>()> make;
};

/// All solvers, sorted by name.
const std::vector<SolverKind>& solver_kinds();
const SolverKind& find_solver_kind(const std::string& name, const std::string& place);

}  // namespace recon
