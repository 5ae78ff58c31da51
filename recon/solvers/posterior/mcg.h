#pragma once

#include <string>

#include "recon/solvers/posterior/guided_sampler.h"
#include "recon/solvers/solver.h"

namespace recon {

/// The published samplers that put the data into every x_t by a projection. Linear operators only.
///
/// Each step of GuidedSampler goes from x_t by D = E[x_0 | x_t] to x'_s, as if there were no data. Then
///
///     gradient     x'_s <- x'_s - step_size grad_{x_t} ||y - A D||                       (one backward pass)
///     projection   x_s = x'_s + A^+ (alpha_s y + sigma_s A z - A x'_s),   z ~ N(0, I)
///
/// which replaces what A sees of x'_s by data noised to the same level. `method: mcg` does both: manifold constrained
/// gradients (Chung et al. 2022, "Improving diffusion models for inverse problems using manifold constraints",
/// Algorithm 1, with the norm's gradient of their published code, as in DPS). `method: projection` does the second
/// alone, without backward passes: the inpainting of Song et al. 2021 ("Score-based generative modeling through
/// stochastic differential equations", appendix I), for A = a low-pass filter ILVR (Choi et al. 2021, Algorithm 1).
///
/// For comparison: they know nothing of the noise in y and end on A x = y wherever A has full rank. The noise is fitted
/// (chi² near 0), amplified where A is badly conditioned, and range and null space disagree. Their measured bias is in
/// recon/docs/measurements.md; `ddnm` and `ddrm` are the projections that know the noise.
class Mcg final : public Solver {
 public:
  enum class Method { mcg, projection };
  friend constexpr auto words_of(Method) {
    using enum Method;
    return std::to_array<Word<Method>>({{mcg, "mcg"}, {projection, "projection"}});
  }

  Method method = Method::mcg;
  double step_size = 0.3;
  GuidedSampler sampling;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
