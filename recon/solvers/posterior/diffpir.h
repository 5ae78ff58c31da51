#pragma once

#include <optional>
#include <vector>

#include "recon/solvers/posterior/data_step.h"
#include "recon/solvers/solver.h"

namespace recon {

/// DiffPIR (Zhu et al. 2023, "Denoising diffusion models for plug-and-play image restoration", Algorithm 1): the fast
/// solver, without a backward pass through the network. Linear operators only.
///
/// At each level t, with r = sigma_t / alpha_t and D = E[x_0 | x_t]:
///
///     x_0 = argmin_x ||y - A x||² + rho ||x - D||² = D + (A^H A + rho)^-1 A^H (y - A D)
///     rho = lambda noise_std² / r²
///     eps = (x_t - alpha_t x_0) / sigma_t
///     x_s = alpha_s x_0 + sigma_s (sqrt(1 - zeta) eps + sqrt(zeta) z),   z ~ N(0, I)
///
/// (their eq. 12 ff.; zeta = 1 replaces all noise). The inverse is the operator's closed form where it has one,
/// conjugate gradients otherwise. It starts from the Tikhonov image at `start_relative_sigma`, not from pure noise, and
/// ends on the x_0 of the cleanest level. Noise-free data are treated as having a noise of 1e-3 of half the prior's
/// range, which keeps the system solvable in single precision. Without `steps` an entry takes 30 where the noise of a
/// pixel is 0.15 or more, 100 more for every power of ten below, and at most 80 (pixel_noise.h).
///
/// No constant depends on the task: rho knows the noise, and lambda = 1 is right. The denoiser's own mean squared error
/// in the place of r² (rho = noise_std² / Prior::denoising_mse) is not: the mean is 0.0 to 0.7 sampling errors further
/// off in the closed-form tasks (20 to 250 steps), and photograph_inpainting.h5 loses 0.3 dB at chi² 1.8 instead
/// of 1.2. Because x_t is noised afresh it holds the data once, in D, and the data step adds them a second time: with a
/// Gaussian prior and 100 steps or more the mean is that of the posterior, its standard deviation 1/sqrt(2) of the
/// posterior's. So it is reported as no sampler.
class DiffPir final : public Solver {
 public:
  std::optional<std::int64_t> steps;
  double lambda = 1;
  double zeta = 1;
  double start_relative_sigma = 2;
  Spacing spacing = Spacing::uniform_log_snr;

  void visit(ParameterVisitor& options) override;

  /// The noise z of a step, `[batch, image...]`.
  using StepNoise = std::function<at::Tensor(std::int64_t step)>;
  /// That of every solver: a draw of its own for each pixel.
  static at::Tensor independent_noise(const SolverContext& context, std::int64_t step);

  /// The same loop with another data step, and the noise of whoever calls.
  at::Tensor run_with(SolverContext& context, const LinearOperator& op, const DataProx& prox,
                      const StepNoise& noise) const;

 private:
  at::Tensor run(SolverContext& context) const override;
  std::vector<std::int64_t> steps_of_entries(SolverContext& context) const override;
};

}  // namespace recon
