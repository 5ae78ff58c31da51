#pragma once

#include <cstdint>
#include <string>

#include "recon/solvers/solver.h"

namespace recon {

/// DDRM (Kawar et al. 2022, "Denoising diffusion restoration models"; the steps of its conditional
/// distribution q(x_t | x_{t+1}, x_0, y), with D for x_0): diffusion in the eigenbasis of
/// A^H A, where each coefficient knows the noise level from which on the data say more than x_t. Linear operators
/// with a closed form of A^H A; no backward pass.
///
/// u = V^H x_t / alpha_t, r_t = sigma_t / alpha_t, D = V^H E[x_0 | x_t], n_i = noise_std / s_i the noise of y_i / s_i,
/// z ~ N(0, I). Start: u_i = y_i / s_i + sqrt(r² - n_i²) z_i where measured and r >= n_i, otherwise r z_i. Step t -> s:
///
///     not measured   u_i = D_i + sqrt(1 - eta²) (r_s / r_t) (u_i - D_i) + eta r_s z_i
///     r_s < n_i      u_i = D_i + sqrt(1 - eta²) (r_s / n_i) (y_i / s_i - D_i) + eta r_s z_i
///     r_s >= n_i     u_i = (1 - eta_b) D_i + eta_b y_i / s_i + sqrt(r_s² - eta_b² n_i²) z_i
///
/// Noise for the coefficients is V^H z of a noise image, so the half spectrum of a real image gets the right variance
/// without a factor of its own. With eta_b = 1 noise-free data are met exactly.
///
/// A sampler with a bias: its steps have the right marginals given x_0, but D knows of the data by x_t only; see
/// README.md for its measured size.
class Ddrm final : public Solver {
 public:
  std::int64_t steps = 60;
  double eta = 0.85;
  double eta_b = 1;
  Spacing spacing = Spacing::uniform_log_snr;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
