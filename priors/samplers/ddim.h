#pragma once

#include "priors/samplers/sampler.h"

namespace recon {

/// DDIM (Song et al. 2021, "Denoising diffusion implicit models", eq. 12) between any two levels t -> s. With
/// D = E[x_0 | x_t] and eps = (x_t - alpha_t D) / sigma_t:
///
///     x_s = alpha_s D + sqrt(sigma_s² - std²) eps + std z,   std² = eta² sigma_s² (1 - r_s² / r_t²)
///
/// eta = 0 is deterministic, the Euler step of the probability-flow ODE in r (pf_ode_euler); eta = 1 is ancestral
/// sampling with variance beta_tilde (ddpm, fixed_small). The last step ends on D. One network pass per step.
class Ddim final : public Sampler {
 public:
  double eta = 0;

  Ddim();
  std::int64_t nfe() const override { return steps; }
  const char* nfe_formula() const override { return "steps"; }

 private:
  void visit_own(ParameterVisitor& options) override;
  Stepped step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
               const at::Tensor& before) const override;
};

/// Linear extrapolation in log r of the denoised images at levels i - 1 (`before`) and i (`now`) to the middle of the
/// step to level i + 1: what a step of second order takes in their place.
at::Tensor extrapolated(const at::Tensor& now, const at::Tensor& before, const std::vector<NoiseLevel>& levels,
                        std::size_t i);

/// DPM-Solver++(2M) (Lu et al. 2022, "DPM-Solver++", Algorithm 2): the DDIM step with the denoised image extrapolated
/// to the middle of the step in lambda = -log r from the two last ones, at no further network pass:
///
///     D' = D_i + (h_i / (2 h_{i-1})) (D_i - D_{i-1}),   h_i = lambda_{i+1} - lambda_i
///     x_s = (sigma_s / sigma_t) x_t + alpha_s (1 - exp(-h_i)) D'
///
/// Second order in the steps of lambda. The first step and the last, which ends on D, are DDIM's. With eta > 0 the
/// same D' is used in DDIM's step with noise.
class DpmSolverPp2M final : public Sampler {
 public:
  double eta = 0;

  std::int64_t nfe() const override { return steps; }
  const char* nfe_formula() const override { return "steps"; }

 private:
  void visit_own(ParameterVisitor& options) override;
  Stepped step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
               const at::Tensor& before) const override;
};

}  // namespace recon
