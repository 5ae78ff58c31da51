#pragma once

#include <cstdint>
#include <optional>

#include "recon/solvers/solver.h"

namespace recon {

/// Total generalised variation of second order (Bredies, Kunisch & Pock 2010, eq. 4.1 and Algorithm 1 for its form) by
/// the primal-dual hybrid gradient method of tv_pdhg, for any linear operator: piecewise affine images instead of
/// piecewise constant ones, no staircases on slopes.
///
///     TGV(x) = min_w  sum |D x - w| + ratio sum |E w|
///
/// with forward differences D (Neumann), the symmetrised derivative E of symmetrised_gradient.h, Euclidean and
/// Frobenius lengths, over pixels and channels. TGV of an affine image is 0 and TGV <= TV always. Without a `weight`
/// it solves min TGV(x) subject to ||y - A x||² <= m noise_std² (chi² = 1) directly, with one
/// min 1/2 ||y - A x||² + weight TGV(x). The weight that belongs to the constraint goes to the report.
///
/// `ratio` is alpha_0 / alpha_1; 2 is the value in general use. Steps and stop as in tv_pdhg, with
/// ||(D, -I; 0, E)||² < 12.
class TgvPdhg final : public Solver {
 public:
  std::optional<double> weight;
  double ratio = 2;
  std::int64_t max_iterations = 1500;
  double tolerance = 1e-3;

  void visit(ParameterVisitor& options) override;

 private:
  class Iteration;
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
