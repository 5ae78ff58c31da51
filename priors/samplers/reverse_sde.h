#pragma once

#include "priors/samplers/sampler.h"

namespace recon {

/// The reverse SDE by Euler–Maruyama in the process's own time (Song et al. 2021, "Score-based generative modeling
/// through stochastic differential equations", eq. 6). For the forward dx = f(t) x dt + g(t) dw and a step of length h
/// down in t:
///
///     x' = x + h (-f x + g² score) + g sqrt(h) z,   score = (alpha D - x) / sigma²,   f and g² at t
///
/// Order 1/2 in the path, 1 in the distribution. The last step, from the cleanest level, ends on D without noise
/// (Tweedie). Where f or g² grow without bound at the noisy end (flow, cosine_continuous) or sigma falls to 0 in few
/// equal steps, place the levels by `spacing: uniform_log_snr`. One network pass per step.
class ReverseSde final : public Sampler {
 public:
  ReverseSde();
  std::int64_t nfe() const override { return steps; }
  const char* nfe_formula() const override { return "steps"; }

 private:
  void visit_own(ParameterVisitor&) override {}
  Stepped step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
               const at::Tensor& before) const override;
};

}  // namespace recon
