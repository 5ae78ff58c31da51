#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "recon/solvers/solver.h"

namespace recon {

/// Phase retrieval by alternating projections, for operators that measure the magnitudes of a unitary transform of a
/// zero-padded image (Operator::magnitude(): fourier_magnitude).
///
/// u is the padded image. P_M u replaces the magnitudes of its transform by the data (negative ones by 0); P_S u is
/// zero in the padding and, with `bounded`, clipped in the image to its range. R = 2 P - 1. The `algorithm` is
///
///     er     u <- P_S P_M u                                            error reduction (Gerchberg & Saxton 1972)
///     hio    u <- P_M u where P_S leaves it alone, else u - beta (P_M - P_S P_M) u
///                                                                      hybrid input-output (Fienup 1982)
///     raar   u <- beta/2 (R_S R_M + 1) u + (1 - beta) P_M u            (Luke 2005, relaxed averaged reflections)
///
/// beta moves evenly from `beta` to `end_beta`: near 1 raar wanders between the local minima, further below it settles.
/// Each run starts from the modulus of white noise in the image and ends with `settling` steps of er from P_M u, which
/// descend in ||y - A x||. Of `restarts` runs the one with the least ||y - A x|| is returned, per entry.
///
/// Shifts inside the padding and, for real images, the half turn have the same magnitudes: the result is one of these
/// equivalent images. Complex images know the padding only. A search in a landscape with local minima: on a brain slice
/// (oversampling 2) most of the raar runs get through, of er and hio with noisy data none, and on most pictures with a
/// noise of 1 % no run does (recon/docs/measurements.md).
class AlternatingProjections final : public Solver {
 public:
  enum class Algorithm { raar, hio, er };
  friend constexpr auto words_of(Algorithm) {
    using enum Algorithm;
    return std::to_array<Word<Algorithm>>({{raar, "raar"}, {hio, "hio"}, {er, "er"}});
  }

  Algorithm algorithm = Algorithm::raar;
  std::int64_t iterations = 1000;
  std::optional<double> beta, end_beta;  ///< default: 0.995 to 0.9 for raar, 0.9 for hio
  std::int64_t settling = 50;
  std::int64_t restarts = 4;
  bool bounded = true;
  double low = 0, high = 2;  ///< the image's range in the units of the problem, [0, 2] without a prior. Not options

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
