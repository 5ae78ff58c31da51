#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "recon/solvers/classical/image_gradient.h"
#include "recon/solvers/solver.h"

namespace recon {

/// Total variation (Rudin, Osher & Fatemi 1992) by the primal-dual hybrid gradient method (Chambolle & Pock 2011, Alg.
/// 1, over-relaxed as Condat 2013), for any linear operator. Without a `weight` it solves
///
///     min TV(x)   subject to   ||y - A x||² <= m noise_std²        (the discrepancy principle, chi² = 1)
///
/// directly: the ball is one projection in the dual step, so no weight is searched. With a `weight` it solves
///
///     min 1/2 ||y - A x||² + weight TV(x)
///
/// TV(x) sums |Dx| (isotropic: the length of the gradient; anisotropic: the sum of the absolute differences) over
/// pixels and channels, D = forward differences, of volumes along all three axes. `low` and `high` bound the image. The
/// weight that belongs to the constraint, its inverse Lagrange multiplier ||y - A x|| / ||p||, goes to the report
/// (infinite where a flat image fits the data).
///
/// Step lengths are set per entry from ||A||² and the brightness of the back projection; there is nothing to tune.
/// An entry stops when chi² is within 1 % of its target and the image has changed by less than `tolerance` (relative)
/// over 20 iterations.
class TvPdhg final : public Solver {
 public:
  std::optional<double> weight;
  TvVariant variant = TvVariant::isotropic;
  std::int64_t max_iterations = 1000;
  double tolerance = 1e-3;
  std::optional<double> low, high;

  void visit(ParameterVisitor& options) override;

 private:
  class Iteration;
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
