#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "recon/solvers/solver.h"

namespace recon {

/// Richardson-Lucy (Richardson 1972; Lucy 1974) with total variation (Dey et al. 2006, eq. 12): maximum likelihood for
/// photon counts y ~ Poisson(A x + b) and non-negative x, from a flat image with the data's total:
///
///     x <- x / (s (1 + tv D^T(D x / |D x|))) * A^T(y / (A x + b)),      s = A^T 1
///
/// with forward differences D and |D x| smoothed by 8 tv times the largest value, without which the step would not be
/// stable where x is flat. For tv = 0 and b = 0 the likelihood keeps its total: sum s x = sum y after every step. `tv`
/// is a share of the likelihood's own gradient, so it has no unit and knows no task; 0.002 is the authors' value. What
/// the operator does at the border is its own affair: s carries it. `normalized: false` leaves s out, and with `start:
/// 0.5`, `tv: 0`, `stopping: none` and a zero border the iterates are those of scikit-image's richardson_lucy.
///
/// Poisson data arrive whitened, y = W y_counts and A = W A_counts; Problem::whitening undoes it, so that the
/// likelihood is the true one (the ratio needs no W, the back projection 1/W), and Problem::background is b. Without
/// them the same iteration fits Gaussian data with the Kullback-Leibler distance.
///
/// `stopping`, `max_iterations` at most:
///   held_out     Half of the photons (count_thinning.h) are reconstructed beside the whole; the iteration ends before
///                the step after which that image explains the other half less well, or hardly better: the gain in log
///                likelihood times the steps done, which is what further ones can still bring, is below 0.1. It needs
///                Problem::photon, and costs twice as much.
///   discrepancy  At chi² = 1 of the whitened data, the last step cut short to meet it. With few counts that is reached
///                too early, at worst by the flat start.
///   none         After max_iterations; so end noise-free data always.
///   auto         held_out for photon counts, discrepancy otherwise.
/// Pixels that no datum sees keep the flat start.
///
/// Throws Error(usage) for a complex image or complex data, an operator with negative elements, and Error(data) for
/// negative data beyond five standard deviations (smaller ones count as 0): images whose range does not begin at 0
/// have no photon counts, nor have data from which a background was taken that is not stated.
class RichardsonLucy final : public Solver {
 public:
  enum class Stopping { automatic, held_out, discrepancy, none };
  friend constexpr auto words_of(Stopping) {
    using enum Stopping;
    return std::to_array<Word<Stopping>>(
        {{automatic, "auto"}, {held_out, "held_out"}, {discrepancy, "discrepancy"}, {none, "none"}});
  }

  double tv = 0.002;
  Stopping stopping = Stopping::automatic;
  std::int64_t max_iterations = 500;
  std::optional<double> start;
  bool normalized = true;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
