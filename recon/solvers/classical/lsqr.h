#pragma once

#include <cstdint>
#include <string>

#include "recon/solvers/solver.h"

namespace recon {

/// Least squares, min ||y - A x||² from x = 0, by LSQR (Paige & Saunders 1982, section 4): conjugate gradients on the
/// normal equations in the form that loses least precision. Any linear operator.
///
/// The regularisation is the stop: `stopping: discrepancy` ends where chi² = 1 (Nemirovskii 1986). The last step is cut
/// short so that chi² is met to rounding, x_k + theta (x_{k+1} - x_k): the residuals of LSQR shrink orthogonally, so
/// ||r(theta)||² = ||r_k||² - (2 theta - theta²)(||r_k||² - ||r_{k+1}||²). Data that zero explains give zero.
/// Where nothing was measured nothing is added: the image stays in the range of A^H.
///
/// `stopping: tolerance`, and every noise-free entry, runs to the least-squares solution of least norm: until
/// ||A^H r|| <= tolerance ||A||_F ||r|| (their rule 2; ||A||_F as far as the bidiagonalisation has seen it) or
/// ||r|| <= tolerance ||y|| (rule 1).
class Lsqr final : public Solver {
 public:
  enum class Stopping { discrepancy, tolerance };
  friend constexpr auto words_of(Stopping) {
    using enum Stopping;
    return std::to_array<Word<Stopping>>({{discrepancy, "discrepancy"}, {tolerance, "tolerance"}});
  }

  Stopping stopping = Stopping::discrepancy;
  double tolerance = 1e-6;
  std::int64_t max_iterations = 500;

  void visit(ParameterVisitor& options) override;

 private:
  class Entry;
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
