#pragma once

#include "priors/samplers/sampler.h"

namespace recon {

/// The ODE of flow matching (Lipman et al. 2022, "Flow matching for generative modeling"; Liu et al. 2022, "Flow
/// straight and fast"), in the flow's own time t = r / (1 + r) on y = x / (alpha (1 + r)) = (1 - t) x_0 + t eps, with
/// any prior's denoiser D = E[x_0 | x_t]:
///
///     dy/dt = u(y, t) = E[eps - x_0 | y] = (y - D) / t,   from t = 1 (noise) down to t = 0 (images)
///
/// Time runs to the noise here. Papers whose time runs to the data (Lipman, Liu: t' = 1 - t) have the velocity
/// dy/dt' = -u and visit the same points, so both are this sampler; which of the two a network predicts is a matter of
/// its Prediction (flow_to_noise, flow_to_data). The process only places the levels; by default they are the flow's
/// own, equal steps of t.
///
/// `flow_euler`: y' = y + (t' - t) u. A straight line through y and D, hence the same step as ddim with eta = 0.
class FlowEuler final : public Sampler {
 public:
  FlowEuler();
  std::int64_t nfe() const override { return steps; }
  const char* nfe_formula() const override { return "steps"; }

 private:
  void visit_own(ParameterVisitor&) override {}
  Stepped step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
               const at::Tensor& before) const override;
};

/// `flow_heun`: the trapezoidal rule in t, second order; the last step, to t = 0, is Euler's and lands on D.
class FlowHeun final : public Sampler {
 public:
  FlowHeun();
  std::int64_t nfe() const override { return 2 * steps - 1; }
  const char* nfe_formula() const override { return "2 steps - 1"; }

 private:
  void visit_own(ParameterVisitor&) override {}
  Stepped step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
               const at::Tensor& before) const override;
};

}  // namespace recon
