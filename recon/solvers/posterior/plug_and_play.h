#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "recon/solvers/posterior/data_step.h"
#include "recon/solvers/solver.h"

namespace recon {

/// Plug-and-play with the prior as its denoiser (Venkatakrishnan et al. 2013): one image, no noise drawn, one network
/// pass per step. Linear operators only.
///
/// With D(., s) = E[x_0 | x_0 + s n], levels s_k and rho_k = lambda noise_std² / s_k², half-quadratic splitting
/// (`hqs`, Zhang et al. 2021, eq. 6) and the method of multipliers (`admm`, Chan, Wang & Elgendy 2017) repeat
///
///     x = argmin ||y - A x||² + rho_k ||x - c||²,   z = D(d, s_k)
///     hqs:    c = z,       d = x
///     admm:   c = z - u,   d = x + u,   u += x - z,   and u is scaled by s_{k+1}² / s_k² from level to level
///
/// The levels fall in equal steps of log s from `start_relative_sigma` to `end_relative_sigma`; when absent to 0.02, or
/// to noise_std / max(1, g) where that is less. g² = ||A||_F² / m is the operator's mean gain (mean_gain.h):
/// projections sum up many pixels, so that the noise of a pixel is smaller than that of the data. DPIR (Zhang et al.
/// 2021, section 4.2) ends at noise_std, however large; a network then denoises again and again what is nearly clean
/// already, which costs 0.1 to 2 dB on noisy and blurred photographs (recon/docs/measurements.md, "Plug-and-play").
/// Returns z.
///
/// For a Gaussian prior D is a proximal map and the limits at a constant level s are known: with admm the posterior
/// mean for noise of variance lambda noise_std², whatever s; with hqs that for noise of covariance
/// lambda noise_std² I + s² A A^H. So admm with lambda = 1 is exact there, within 0.09 posterior standard deviations,
/// and with 0.45, the default, within 0.17 (measured). Networks smooth more than a proximal map would: with lambda = 1
/// chi² is 1.0 to 1.2 on blurred photographs, and 0.45 is better on them (measurements.md). Noise-free data are treated
/// as having a noise of 1e-3 of half the prior's range.
///
/// Without `steps` an entry takes 12 where the noise of a pixel is 0.15 or more, 24 more for every power of ten below,
/// and at most 48 (pixel_noise.h).
class PlugAndPlay final : public Solver {
 public:
  enum class Method { hqs, admm };
  friend constexpr auto words_of(Method) {
    using enum Method;
    return std::to_array<Word<Method>>({{hqs, "hqs"}, {admm, "admm"}});
  }

  Method method = Method::admm;
  std::optional<std::int64_t> steps;
  double lambda = 0.45;
  double start_relative_sigma = 2;
  std::optional<double> end_relative_sigma;

  void visit(ParameterVisitor& options) override;

  /// The same loop with another data step.
  at::Tensor run_with(SolverContext& context, const LinearOperator& op, const DataProx& prox) const;

 private:
  at::Tensor run(SolverContext& context) const override;
  std::vector<std::int64_t> steps_of_entries(SolverContext& context) const override;
};

}  // namespace recon
