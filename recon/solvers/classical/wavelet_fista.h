#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "recon/solvers/classical/wavelet.h"
#include "recon/solvers/solver.h"

namespace recon {

/// Sparsity in wavelets by FISTA (Beck & Teboulle 2009, eq. 4.1-4.3) with the adaptive restart of O'Donoghue & Candès
/// (2015, gradient scheme), for any linear operator:
///
///     min_x 1/2 ||y - A x||² + weight R(x),    R(x) = sum_k p_k |(W x)_k|
///
/// with the transform W of wavelet.h, p = 0 for the coarsest approximation and 1 for the details. For the orthonormal W
/// the proximal map of t R is D_t(x) = W^T S_t(W x), S_t the shrinkage of magnitudes, c max(0, 1 - t p / |c|), for
/// complex images too; each entry takes steps of t = weight / ||A||².
///
/// With `undecimated`, D_t is the mean of the maps of all shifts of the image (cycle spinning, Coifman & Donoho 1995),
/// computed as W^T S_t(W x) in the undecimated frame with p as in Wavelet::penalty. A mean of proximal maps is the
/// proximal map of the penalties' proximal average (Bauschke et al. 2008, "The proximal average: basic theory"; for
/// these iterations Yu 2013, "Better approximation and faster algorithm using the proximal average"), so the objective
/// is still a convex one, whose R differs by O(t) from the mean over shifts. The result moves with the image and does
/// not show the blocks of one grid.
///
/// Without a `weight` it is found by the discrepancy principle, chi² = 1, each solve starting from the last image. For
/// A = I and the orthonormal transform the solution is the shrinkage of the data's coefficients. Iterations stop when a
/// step moves the image by less than `tolerance` (relative), per entry.
class WaveletFista final : public Solver {
 public:
  std::optional<double> weight;
  WaveletFamily wavelet = WaveletFamily::db2;
  bool undecimated = true;
  std::int64_t levels = 5;
  double tolerance = 1e-4;
  std::int64_t max_iterations = 500;

  void visit(ParameterVisitor& options) override;

 private:
  class Iteration;
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
