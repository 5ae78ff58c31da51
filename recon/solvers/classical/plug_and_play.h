#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "recon/solvers/solver.h"

namespace recon {

/// Plug-and-play with the prior as its denoiser (Venkatakrishnan et al. 2013): one image, no noise drawn, one network
/// pass per step. Linear operators only.
///
/// With D(., s) = E[x_0 | x_0 + s n], levels s_k and rho_k = lambda noise_std² / s_k²:
///
///     x = argmin ||y - A x||² + rho_k ||x - c||²,      z = D(d, s_k)
///     method hqs:   c = z,      d = x                                (half-quadratic splitting; Zhang et al. 2021, eq.
///     6) method admm:  c = z - u,  d = x + u,   u += x - z              (Chan, Wang & Elgendy 2017)
///                                                        with u scaled by s_{k+1}² / s_k² from level to level
///
/// The levels fall in equal steps of log s from `start_relative_sigma` to the noise's standard deviation (the schedule
/// of DPIR, Zhang et al. 2021, section 4.2), or to `end_relative_sigma`. Returns z. lambda = 1 gives data and prior
/// their Bayesian weights for a denoiser of the posterior mean; DPIR takes 0.23.
///
/// For a Gaussian prior D is a proximal map and the limits at a constant level s are known: with admm the posterior
/// mean for noise of variance lambda noise_std², whatever s; with hqs that for noise of covariance
/// lambda noise_std² I + s² A A^H. So admm with lambda = 1 is exact there, and hqs is biased at its last level.
/// With the defaults the image lies within 0.4 posterior standard deviations of the Gaussian posterior's mean
/// (measured, recon/solvers/README.md), nearer to the data than that mean: chi² well below 1 where an operator measures
/// few pixels. Noise-free data are treated as having a noise of 1e-3 of half the prior's range.
class PlugAndPlay final : public Solver {
 public:
  std::string method = "admm";
  std::int64_t steps = 24;
  double lambda = 0.23;
  double start_relative_sigma = 2;
  std::optional<double> end_relative_sigma;

  void visit(ParameterVisitor& options) override;
  bool needs_prior() const override { return true; }
  bool is_sampler() const override { return false; }

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
