#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
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
/// entry's result depends on its own key, y and noise_std only. Poisson data arrive here whitened (by
/// ImageMapping in the pipeline), so every solver serves every noise model.
struct Problem {
  OperatorPtr op;                 ///< on images `[C, H, W]`
  at::Tensor y;                   ///< `[batch, range...]`; its device and precision are those of the whole solve
  std::vector<double> noise_std;  ///< `[batch]`; 0 = noise-free
  std::vector<StreamKey> keys;    ///< `[batch]`
  TensorSpec image;               ///< op->domain()
  at::Tensor whitening = {};   ///< Poisson data: y and A over it are the counts; undefined where nothing was whitened
  double photon = 0;           ///< of photon counts: what one is worth in y / whitening; 0: not known, or no counts
  at::Tensor background = {};  ///< of photon counts, [1 or batch, range...]: what was taken from them to make
                               ///< y / whitening; undefined: nothing

  std::int64_t batch() const { return y.size(0); }
};

enum class Outcome {
  converged,      ///< the algorithm's own stopping rule was met
  finished,       ///< all steps done
  stopped_early,  ///< cancelled: `x` is the estimate at that time
  diverged        ///< the iterate became NaN or infinite: `x` is the last finite estimate (zero if there was none)
};
std::string to_string(Outcome outcome);

/// One line of a solver's diary.
struct TraceEntry {
  std::int64_t step = 0;
  double relative_sigma = 0;  ///< 0 for classical solvers
  std::vector<double> chi2;   ///< per batch entry, of the current estimate
};

struct Report {
  at::Tensor x;                   ///< `[batch, C, H, W]`
  std::vector<Outcome> outcomes;  ///< per batch entry
  std::vector<double> chi2;       ///< ||y - A x||² / (m noise_std²); NaN where noise_std = 0
  std::int64_t nfe_forward = 0;   ///< network passes that each entry has seen (the batch moves as one)
  std::int64_t nfe_backward = 0;
  double seconds = 0;
  double seconds_network_forward = 0, seconds_network_backward = 0, seconds_operator = 0;
  double peak_mib = 0;         ///< peak memory of the process (CPU) or of the allocator (GPU) during the solve
  std::vector<double> weight;  ///< the regularisation weight found, per entry, where one is searched for; else empty
  std::vector<TraceEntry> trace;
};

struct Controls {
  std::uint64_t seed = 0;
  ProgressObserver observer;
  const CancellationToken* cancellation = nullptr;
  std::int64_t trace_every = 0;  ///< 0: no trace
};

class SolverContext;

/// A reconstruction algorithm. Its options are public members of the subclass, described by visit().
///
/// The base checks the problem, times, counts, traces and judges; a subclass writes one `run` against SolverContext
/// (recon/solvers/context.h).
class Solver {
 public:
  virtual ~Solver() = default;
  virtual void visit(ParameterVisitor& options) = 0;
  virtual bool needs_prior() const = 0;
  /// True for solvers whose result is one random draw from (an approximation of) the posterior.
  virtual bool is_sampler() const = 0;
  /// False for direct methods (one linear map of the data) whose image is not meant to have the data's residual at the
  /// noise level, so that a large chi² does not speak against it.
  virtual bool fits_data() const { return true; }

  /// Checks the problem, runs the loop and measures. `prior` may be null for solvers that need none.
  ///
  /// Throws Error(data) naming the index when y holds NaN or infinity, or has not the operator's range as its shape;
  /// Error(usage) when the prior is missing, when its channels or size do not fit the image, or when the solver cannot
  /// treat this operator (naming alternatives); Error(internal) when the lists of the batch differ in length.
  Report solve(const Problem& problem, const Prior* prior, const Controls& controls) const;

 private:
  /// The estimate `[batch, C, H, W]`; no graph is recorded around it.
  virtual at::Tensor run(SolverContext& context) const = 0;
};

struct SolverKind {
  std::string name;
  std::string summary;
  std::function<std::unique_ptr<Solver>()> make;
};

/// All solvers, sorted by name.
const std::vector<SolverKind>& solver_kinds();
/// Throws Error(usage) at `location`, naming the known ones.
const SolverKind& find_solver_kind(const std::string& name, const std::string& location);

}  // namespace recon
