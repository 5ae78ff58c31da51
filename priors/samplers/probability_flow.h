#pragma once

#include "priors/samplers/sampler.h"

namespace recon {

/// The probability-flow ODE of any process (Song et al. 2021, "Score-based generative modeling", eq. 13; Karras et al.
/// 2022, "Elucidating the design space", eq. 4) is, in x/alpha as a function of r = sigma / alpha,
///
///     d(x/alpha) / dr = (x/alpha - D) / r,   D = E[x_0 | x_t]
///
/// whatever alpha(t) and sigma(t) are. The steps are therefore taken in r on x/alpha: order 1 and 2 hold on every
/// process, and the choice of process only places the levels. A step of Euler from r to 0 lands on D exactly, so the
/// last step is Euler's.
///
/// `pf_ode_euler`: x'/alpha' = x/alpha + (r' - r) d, d = (x/alpha - D)/r. It equals ddim with eta = 0.
class PfOdeEuler final : public Sampler {
 public:
  PfOdeEuler();
  std::int64_t nfe() const override { return steps; }
  const char* nfe_formula() const override { return "steps"; }

 private:
  void visit_own(ParameterVisitor&) override {}
  Stepped step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
               const at::Tensor& before) const override;
};

/// `pf_ode_heun`: the trapezoidal rule with Euler's step as predictor (Karras et al. 2022, Algorithm 1): second order.
class PfOdeHeun final : public Sampler {
 public:
  PfOdeHeun();
  std::int64_t nfe() const override { return 2 * steps - 1; }
  const char* nfe_formula() const override { return "2 steps - 1"; }

 private:
  void visit_own(ParameterVisitor&) override {}
  Stepped step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
               const at::Tensor& before) const override;
};

/// Heun's method on the same ODE with noise added before each step (Karras et al. 2022, Algorithm 2, on x/alpha):
///
///     gamma = min(s_churn / N, sqrt(2) - 1) where s_tmin <= r <= s_tmax, else 0;   r^ = (1 + gamma) r
///     x^/alpha = x/alpha + sqrt(r^² - r²) s_noise z,   then Heun's step from r^ to r'
///
/// N is the number of steps. s_churn = 0 is pf_ode_heun. The paper's s_noise = 1.007 makes up for what networks
/// remove too much; 1 is right for an exact denoiser.
class EdmStochastic final : public Sampler {
 public:
  double s_churn = 40;
  double s_tmin = 0.05;
  double s_tmax = 50;
  double s_noise = 1;

  EdmStochastic();
  std::int64_t nfe() const override { return 2 * steps - 1; }
  const char* nfe_formula() const override { return "2 steps - 1"; }

 private:
  void visit_own(ParameterVisitor& options) override;
  Stepped step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
               const at::Tensor& before) const override;
};

}  // namespace recon
