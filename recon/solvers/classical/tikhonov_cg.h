#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "recon/solvers/solver.h"

namespace recon {

/// Tikhonov regularisation (Tikhonov 1963) by conjugate gradients, for any linear operator:
///
///     x = argmin ||y - A x||² + weight ||L x||²,   (A^H A + weight L^T L) x = A^H y
///
/// `penalty: gradient` takes L = forward differences (smooth images, any mean; fills what was not measured smoothly),
/// `penalty: identity` L = I (least energy). Without a `weight` it is found by the discrepancy principle, chi² = 1,
/// each solve starting from the last one's image. Conjugate gradients stop at the relative residual `tolerance` of the
/// normal equations or after `max_iterations`.
class TikhonovCg final : public Solver {
 public:
  enum class Penalty { gradient, identity };
  friend constexpr auto words_of(Penalty) {
    using enum Penalty;
    return std::to_array<Word<Penalty>>({{gradient, "gradient"}, {identity, "identity"}});
  }

  std::optional<double> weight;
  Penalty penalty = Penalty::gradient;
  double tolerance = 1e-4;
  std::int64_t max_iterations = 500;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
