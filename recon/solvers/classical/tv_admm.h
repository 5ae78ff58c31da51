#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "recon/solvers/classical/image_gradient.h"
#include "recon/solvers/solver.h"

namespace recon {

/// Total variation by the alternating direction method of multipliers (Boyd et al. 2011; split as Goldstein & Osher
/// 2009), for any linear operator; the same minimiser as tv_pdhg with a `weight`:
///
///     min 1/2 ||y - A x||² + weight TV(x)      subject to   low <= x <= high
///
/// With z = D x (and v = x where there are bounds), duals q and s and a penalty rho per entry:
///
///     (A^H A + rho D^T D [+ rho]) x = A^H y + D^T(rho z - q) [+ rho v - s]       conjugate gradients, warm
///     z = shrink(D x + q / rho, weight / rho),  q += rho (D x - z);   v = clamp(x + s / rho),  s += rho (x - v)
///
/// with over-relaxation (their 3.4.3). rho starts at weight over the image's mean gradient and follows the balance of
/// the relative residuals (Wohlberg 2017) during the first 100 iterations; an entry stops when both are below
/// `tolerance`. Without a `weight` it is found by the discrepancy principle, chi² = 1, each solve going on from the
/// last one's state. `low: 0` is non-negativity where the file's image_range begins at zero.
///
/// Few, costly iterations: to be preferred to tv_pdhg where A^H A is cheap or badly conditioned.
class TvAdmm final : public Solver {
 public:
  std::optional<double> weight;
  TvVariant variant = TvVariant::isotropic;
  std::int64_t max_iterations = 200;
  double tolerance = 2e-3;
  std::optional<double> low, high;

  void visit(ParameterVisitor& options) override;

 private:
  class Iteration;
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
