#pragma once

#include <cstdint>

#include "recon/solvers/solver.h"

namespace recon {

/// Phase retrieval with a diffusion prior: the annealing of diffusion around relaxed averaged alternating reflections.
/// For operators that measure the magnitudes of a unitary transform of a zero-padded image (Operator::magnitude():
/// fourier_magnitude). No backward pass.
///
/// Projections alone end on one of many images that fit noisy magnitudes about as well as the right one. Noise of level
/// r makes these alike again, and the prior chooses. With D(., r) = E[x_0 | x_0 + r n], P_M, P_S and RAAR as in
/// magnitude_projections.h, and levels r that fall in equal steps of log r:
///
///     z = D(x + r n, r),  n ~ N(0, I)
///     x = P_S P_M u,      u = `projections` steps of RAAR from z
///     x = argmin || |F P x| - y ||² + rho ||x - z||² near x,   rho = lambda noise_std² / r²
///
/// The last line is the data step of half-quadratic splitting (plug_and_play.h): ten steps, none of which goes up, each
/// of which holds the phases of F P x: x <- (a² P_M x + rho z) / (a² + rho), a the gain of the embedding. It leaves x
/// alone while r is large, and takes the noise of the data off when r is small. The scheme is that of DDRM-PR (Kaya &
/// Oktem 2025, "DDRM-PR: Fourier phase retrieval using denoising diffusion restoration models"), which has hybrid
/// input-output in the place of RAAR and no weighing of the data at the end.
///
/// The first run goes on from the image of alternating projections with little noise: where these suffice, it takes the
/// noise of the data off. The others begin at `start_relative_sigma`. Of `restarts` runs the one with the least ||y - A
/// x|| is returned, per entry: one image, up to what magnitudes do not know, shifts inside the padding and the half
/// turn. Figures: recon/docs/measurements.md, "Phase retrieval".
class DiffusionRaar final : public Solver {
 public:
  std::int64_t steps = 200;
  std::int64_t projections = 10;
  double beta = 0.9;
  double start_relative_sigma = 5;
  double end_relative_sigma = 0.03;
  double lambda = 2;
  std::int64_t restarts = 3;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
