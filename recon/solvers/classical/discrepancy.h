#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>

#include "recon/solvers/context.h"

namespace recon {

/// A regularised solution as a function of its weight.
struct WeightedSolve {
  /// The images for one weight per entry (`[batch]`, float64, > 0), from images of nearby weights to start at
  /// (undefined at first). chi² must grow with the weight, as it does for every convex regulariser.
  std::function<at::Tensor(const at::Tensor& weights, const at::Tensor& start)> solve;
  double weight_per_variance = 1;  ///< first guess of the weight / noise_std²
  double noise_free_weight = 0;    ///< the weight of entries without noise, where there is nothing to fit to
  /// The weight, of the size of ||A||², at which the regulariser is felt wherever nothing was measured; 0: the solve is
  /// in closed form and needs no way there.
  double strong_weight = 0;
};

/// The images at the given weight or, without one, at the weight of the discrepancy principle (Morozov 1966): the one
/// with chi² = ||y - A x||² / (m noise_std²) = 1, the largest that still explains the data, to 1 % in chi².
///
/// An iterative solve at a tiny weight never gets to fill what was not measured: it is content with its data at once.
/// So it starts from `strong_weight` and goes down by decades, each image the start of the next, to the first guess
/// (continuation; Hale, Yin & Zhang 2008), where the guess is below a thousandth of it.
///
/// Each entry has its own search (bracketing by decades, then false position with the Illinois rule, on log chi²
/// against log weight) and keeps its image when it is done, so that it does not depend on its batch. Where no weight
/// within 10^±9 of the first guess reaches chi² = 1, the nearest end is kept and the entry is not marked converged.
/// Stores the weights in the report.
at::Tensor solve_at_discrepancy(SolverContext& context, const std::optional<double>& weight,
                                const WeightedSolve& weighted);

}  // namespace recon
