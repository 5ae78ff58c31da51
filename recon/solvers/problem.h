#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "operators/operator.h"
#include "recon/core/progress.h"
#include "recon/core/rng.h"
#include "recon/core/words.h"

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

  /// Of an item of a series: where the item before it ended, `[batch, C, H, W]`; undefined for the first. None: the
  /// item stands alone.
  std::optional<at::Tensor> previous = std::nullopt;

  std::int64_t batch() const { return y.size(0); }
};

enum class Outcome {
  converged,      ///< the algorithm's own stopping rule was met
  finished,       ///< all steps done
  stopped_early,  ///< cancelled: `x` is the estimate at that time
  diverged        ///< the iterate became NaN or infinite: `x` is the last finite estimate (zero if there was none)
};
constexpr auto words_of(Outcome) {
  using enum Outcome;
  return std::to_array<Word<Outcome>>(
      {{converged, "converged"}, {finished, "finished"}, {stopped_early, "stopped_early"}, {diverged, "diverged"}});
}

/// One line of a solver's diary.
struct TraceEntry {
  std::int64_t step = 0;
  double relative_sigma = 0;  ///< 0 for classical solvers
  std::vector<double> chi2;   ///< per batch entry, of the current estimate
};

struct Report {
  at::Tensor x;                   ///< `[batch, C, H, W]`; cancelled, it may hold the first entries only, as all here
  std::vector<Outcome> outcomes;  ///< per batch entry
  std::vector<double> chi2;       ///< ||y - A x||² / (m noise_std²); NaN where noise_std = 0
  std::vector<std::int64_t> nfe_forward, nfe_backward;  ///< per batch entry, the network passes that it has seen
  double seconds = 0;
  double seconds_network_forward = 0, seconds_network_backward = 0, seconds_operator = 0;
  std::int64_t at_once = 0;    ///< entries that fit together as far as was found out; 0: nothing stood in their way
  double peak_mib = 0;         ///< peak memory of the process (CPU) or of the allocator (GPU) during the solve
  at::Tensor anomaly;          ///< `[batch, C, H, W]` where the data fight the prior, in nats per pixel; undefined: not
                               ///< measured (guided_sampler.h)
  std::vector<double> weight;  ///< the regularisation weight found, per entry, where one is searched for; else empty
  std::vector<TraceEntry> trace;
};

/// The times of a report, for who adds or shares them out.
inline constexpr std::array kReportTimes = {&Report::seconds, &Report::seconds_network_forward,
                                            &Report::seconds_network_backward, &Report::seconds_operator};

struct Controls {
  std::uint64_t seed = 0;
  ProgressObserver observer;
  const CancellationToken* cancellation = nullptr;
  std::int64_t trace_every = 0;  ///< 0: no trace
  std::int64_t memory = 0;       ///< bytes that the process may take (micro_batches.h); 0: not known
  std::int64_t at_once = 0;      ///< so many entries go together at most; 0: as many as fit
};

}  // namespace recon
