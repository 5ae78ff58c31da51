#pragma once

#include <cstdint>
#include <string>

#include "recon/solvers/solver.h"

namespace recon {

/// Richardson-Lucy (Richardson 1972; Lucy 1974) with total variation (Dey et al. 2006, eq. 12): maximum likelihood for
/// photon counts y ~ Poisson(A x) and non-negative x, from a flat image with the data's total:
///
///     x <- x / (s (1 + tv D^T(D x / |D x|))) * A^T(y / A x),      s = A^T 1
///
/// with forward differences D and |D x| smoothed by 8 tv times the largest value, without which the step would not be
/// stable where x is flat. The likelihood keeps its total: for
/// tv = 0, sum s x = sum y after every step. `tv` is a share of the likelihood's own gradient, so it has no unit and
/// knows no task; 0.002 is the authors' value. What the operator does at the border is its own affair: s carries it.
///
/// Poisson data arrive whitened, y = W y_counts and A = W A_counts; Problem::whitening undoes it, so that the
/// likelihood is the true one (the ratio needs no W, the back projection 1/W). Without it the same iteration fits
/// Gaussian data with the Kullback-Leibler distance. It stops at chi² = 1, the last step cut short to meet it
/// (`stopping: discrepancy`), or after `max_iterations`; noise-free data take all of them. Pixels that no datum sees
/// keep the flat start.
///
/// Throws Error(usage) for a complex image or complex data, an operator with negative elements, and Error(data) for
/// negative data beyond five standard deviations (smaller ones count as 0): images whose range does not begin at 0
/// have no photon counts.
class RichardsonLucy final : public Solver {
 public:
  enum class Stopping { discrepancy, none };
  friend constexpr auto words_of(Stopping) {
    using enum Stopping;
    return std::to_array<Word<Stopping>>({{discrepancy, "discrepancy"}, {none, "none"}});
  }

  double tv = 0.002;
  Stopping stopping = Stopping::discrepancy;
  std::int64_t max_iterations = 200;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
