#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "recon/solvers/solver.h"

namespace recon {

/// Sparsity in wavelets by FISTA (Beck & Teboulle 2009, eq. 4.1-4.3) with the adaptive restart of O'Donoghue & Candès
/// (2015, gradient scheme), for any linear operator:
///
///     min_c 1/2 ||y - A W^T c||² + weight sum_k p_k |c_k|,    x = W^T c
///
/// over the coefficients of the transform W of wavelet.h, where p = 0 for the coarsest approximation. The proximal map
/// is the shrinkage of magnitudes, c max(0, 1 - t / |c|), for complex images too; each entry takes steps of 1 / ||A||².
/// With `undecimated` W is a tight frame and the solution moves with the image (the synthesis form; p as in
/// Wavelet::penalty, so that `weight` means the same as for the orthonormal transform). Without a `weight` it is found
/// by the discrepancy principle, chi² = 1, each solve starting from the last one's coefficients.
///
/// For A = I and the orthonormal transform the solution is the shrinkage of the data's coefficients. Iterations stop
/// when a step moves the coefficients by less than `tolerance` (relative), per entry.
class WaveletFista final : public Solver {
 public:
  std::optional<double> weight;
  std::string wavelet = "db2";
  bool undecimated = true;
  std::int64_t levels = 5;
  double tolerance = 1e-4;
  std::int64_t max_iterations = 500;

  void visit(ParameterVisitor& options) override;
  bool needs_prior() const override { return false; }
  bool is_sampler() const override { return false; }

 private:
  class Iteration;
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
