#pragma once

#include <string>

#include "recon/solvers/solver.h"

namespace recon {

/// The adjoint image c A^H y: what the measurement looks like as an image, zero-filled where nothing was measured.
///
/// `scale: fit` takes per entry the c that explains the data best, c = <y, A A^H y> / ||A A^H y||², so that the result
/// has the brightness of an image whatever the operator's gain (1 for masks and Fourier samples, f² for f-fold
/// averaging); `scale: none` is c = 1. Linear operators only.
class Adjoint final : public Solver {
 public:
  enum class Scale { fit, none };
  friend constexpr auto words_of(Scale) {
    using enum Scale;
    return std::to_array<Word<Scale>>({{fit, "fit"}, {none, "none"}});
  }

  Scale scale = Scale::fit;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

/// c A^H y with the fitted c; the start of iterative solvers.
at::Tensor fitted_adjoint(SolverContext& context, const LinearOperator& op);

}  // namespace recon
